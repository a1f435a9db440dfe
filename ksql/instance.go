package ksql

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// instanceFile holds the id of a state folder: a version line and the id.
const instanceFile = "ksql-instance"

const instanceVersion = "1"

// instanceID returns the id that belongs to a state folder, making it at the first start. Queries join their groups
// with it (KIP-345), so that after a crash the engine gets its partitions back at once instead of waiting until the
// brokers have given its former self up. Without a folder there is nothing to come back to.
func instanceID(stateDir string) (string, error) {
	if stateDir == "" {
		return "", nil
	}
	path := filepath.Join(stateDir, instanceFile)
	text, err := os.ReadFile(path)
	if err == nil {
		version, id, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		if version != instanceVersion || id == "" {
			return "", fmt.Errorf("%s is not of version %s", path, instanceVersion)
		}
		return id, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the instance id: %w", err)
	}
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return "", fmt.Errorf("make the state folder: %w", err)
	}
	id := "ksql-" + rand.Text()
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, []byte(instanceVersion+"\n"+id+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write the instance id: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return "", fmt.Errorf("write the instance id: %w", err)
	}
	return id, nil
}
