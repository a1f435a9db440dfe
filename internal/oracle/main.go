// Command oracle runs cases recorded from Kafka Streams on this project's streams library.
//
//	go run ./internal/oracle DIR
//
// reads every *.json of DIR, in the order of their names. A file is an array of cases, or an object with the array in
// "cases". For each case it prints one JSON object on a line of standard output: the case's id, and what the same topology,
// fed with the same steps, answered here, in the form of the recorded expectation. A case that uses something that the
// library does not offer yet answers {"id":…,"unsupported":"why"}.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: oracle DIR")
		os.Exit(2)
	}
	cases, err := load(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
	out := bufio.NewWriter(os.Stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, a := range answerAll(cases) {
		if err := enc.Encode(a); err != nil {
			fmt.Fprintln(os.Stderr, "oracle:", err)
			os.Exit(1)
		}
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

// answerAll runs the cases on all cores.
func answerAll(cases []*caseSpec) []map[string]any {
	answers := make([]map[string]any, len(cases))
	work := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range work {
				answers[i] = answer(cases[i])
			}
		})
	}
	for i := range cases {
		work <- i
	}
	close(work)
	wg.Wait()
	return answers
}

// load reads the cases of a directory.
func load(dir string) ([]*caseSpec, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		if _, err := os.ReadDir(dir); err != nil {
			return nil, err
		}
	}
	var all []*caseSpec
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		list, err := parseCases(b)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", f, err)
		}
		all = append(all, list...)
	}
	return all, nil
}
