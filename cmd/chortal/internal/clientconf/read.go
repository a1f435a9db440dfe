package clientconf

import (
	"fmt"
	"io"
	"maps"
	"os"

	"github.com/chortal/chortal/broker"
)

// Read reads a properties file of a client.
func Read(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	props, err := parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return props, nil
}

func parse(r io.Reader) (map[string]string, error) {
	c, rest, err := broker.ParseProperties(r)
	if err != nil {
		return nil, err
	}
	maps.Copy(rest, c.Properties)
	return rest, nil
}
