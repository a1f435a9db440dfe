// Command docgen writes the tables of docs that come from the code: config.md, apis.md and metrics.md.
//
//	go generate ./broker
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("o", "../docs", "folder of the pages")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	pages, err := pages()
	if err != nil {
		return err
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// pages are the generated pages by file name.
func pages() (map[string]string, error) {
	metrics, err := metricsPage()
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return map[string]string{"config.md": configPage(), "apis.md": apisPage(), "metrics.md": metrics}, nil
}
