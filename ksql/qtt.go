package ksql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"time"
)

// QTTConfig configures RunQTT.
type QTTConfig struct {
	// Jobs is the number of cases that run at a time. Zero means the number of CPUs.
	Jobs int
	// CaseTimeout bounds one case. Zero means 10 s.
	CaseTimeout time.Duration
	// Filter, when set, selects cases by "<file> - <name>[ - FORMAT][ - property=config]".
	Filter *regexp.Regexp
	// Log receives what is not a result; nil discards it.
	Log io.Writer
}

// QTTResult counts the lines that RunQTT wrote.
type QTTResult struct {
	Cases, Broken int // Broken are the cases that crashed or timed out
}

// RunQTT runs files of query-validation tests without a broker: each case on a fresh engine over in-memory topics with
// a clock that stands at zero. It writes one JSON line per case to out, in the order of the input. Expected results in
// the files have no influence. Paths are files, or folders whose *.json are taken by name.
func RunQTT(ctx context.Context, cfg QTTConfig, paths []string, out io.Writer) (QTTResult, error) {
	if cfg.Jobs <= 0 {
		cfg.Jobs = runtime.NumCPU()
	}
	if cfg.CaseTimeout <= 0 {
		cfg.CaseTimeout = 10 * time.Second
	}
	cases, err := readQTT(paths, cfg.Filter)
	if err != nil {
		return QTTResult{}, err
	}
	lines := make([]chan []byte, len(cases))
	for i := range lines {
		lines[i] = make(chan []byte, 1)
	}
	var wg sync.WaitGroup
	next := make(chan int)
	for range cfg.Jobs {
		wg.Go(func() {
			for i := range next {
				lines[i] <- runQTTCase(ctx, cases[i], cfg.CaseTimeout)
			}
		})
	}
	wg.Go(func() {
		defer close(next)
		for i := range cases {
			next <- i
		}
	})
	defer wg.Wait()
	return writeQTT(lines, out)
}

func writeQTT(lines []chan []byte, out io.Writer) (QTTResult, error) {
	var result QTTResult
	var failed error
	for _, ch := range lines {
		line := <-ch
		result.Cases++
		if bytes.Contains(line, []byte(`"status":"crash"`)) || bytes.Contains(line, []byte(`"status":"timeout"`)) {
			result.Broken++
		}
		if failed == nil {
			_, failed = out.Write(append(line, '\n'))
		}
	}
	return result, failed
}

// qttFile is a file of cases.
type qttFile struct {
	Tests []qttTest `json:"tests"`
}

// qttTest is a test as a file has it; fields about expectations are not read.
type qttTest struct {
	Name       string            `json:"name"`
	Enabled    *bool             `json:"enabled"`
	Format     []string          `json:"format"`
	Config     []json.RawMessage `json:"config"`
	Statements []string          `json:"statements"`
	Properties map[string]any    `json:"properties"`
	Topics     []qttTopic        `json:"topics"`
	Inputs     []qttRecord       `json:"inputs"`
}

type qttTopic struct {
	Name        string          `json:"name"`
	Partitions  *int            `json:"partitions"`
	Replicas    *int            `json:"replicas"`
	KeySchema   json.RawMessage `json:"keySchema"`
	ValueSchema json.RawMessage `json:"valueSchema"`
}

type qttRecord struct {
	Topic     string          `json:"topic"`
	Key       json.RawMessage `json:"key"`
	Value     json.RawMessage `json:"value"`
	Timestamp int64           `json:"timestamp"`
	Window    *qttWindow      `json:"window"`
	Headers   []qttHeader     `json:"headers"`
}

type qttWindow struct {
	Start int64  `json:"start"`
	End   int64  `json:"end"`
	Type  string `json:"type"`
}

type qttHeader struct {
	Key   string  `json:"KEY"`
	Value *string `json:"VALUE"`
}

// qttCase is one expanded case.
type qttCase struct {
	test       qttTest
	file       string
	format     string
	config     *string
	properties map[string]string
}

func readQTT(paths []string, filter *regexp.Regexp) ([]*qttCase, error) {
	var files []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, p)
			continue
		}
		found, err := filepath.Glob(filepath.Join(p, "*.json"))
		if err != nil {
			return nil, err
		}
		sort.Strings(found)
		files = append(files, found...)
	}
	var cases []*qttCase
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		var file qttFile
		d := json.NewDecoder(bytes.NewReader(stripComments(text)))
		d.UseNumber()
		if err := d.Decode(&file); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		for _, t := range file.Tests {
			cases = append(cases, expandQTT(filepath.Base(f), t, filter)...)
		}
	}
	return cases, nil
}

// expandQTT makes a case of each format and each configuration.
func expandQTT(file string, t qttTest, filter *regexp.Regexp) []*qttCase {
	if t.Enabled != nil && !*t.Enabled {
		return nil
	}
	formats := t.Format
	if len(formats) == 0 {
		formats = []string{""}
	}
	configs := []*string{nil}
	if len(t.Config) > 0 {
		configs = nil
		for _, raw := range t.Config {
			text := strings.Trim(string(raw), `"`)
			configs = append(configs, &text)
		}
	}
	var out []*qttCase
	for _, format := range formats {
		for _, config := range configs {
			c := &qttCase{test: t, file: file, format: format, config: config, properties: map[string]string{}}
			name := strings.TrimSuffix(file, ".json") + " - " + t.Name
			if format != "" {
				name += " - " + format
			}
			for k, v := range t.Properties {
				text := fmt.Sprint(v)
				if text == "{CONFIG}" && config != nil {
					text = *config
					name += " - " + k + "=" + text
				}
				c.properties[k] = text
			}
			if filter == nil || filter.MatchString(name) {
				out = append(out, c)
			}
		}
	}
	return out
}

// stripComments blanks out the comments of JSON with comments.
func stripComments(text []byte) []byte {
	out := bytes.Clone(text)
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	for i := 0; i < len(out); i++ {
		switch {
		case out[i] == '"':
			for i++; i < len(out) && out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
		case bytes.HasPrefix(out[i:], []byte("//")):
			end := bytes.IndexByte(out[i:], '\n')
			if end < 0 {
				end = len(out) - i
			}
			blank(i, i+end)
		case bytes.HasPrefix(out[i:], []byte("/*")):
			end := bytes.Index(out[i:], []byte("*/"))
			if end < 0 {
				end = len(out) - i - 2
			}
			blank(i, i+end+2)
			i += end + 1
		}
	}
	return out
}

// qttLine is a line of the output.
type qttLine struct {
	File    string         `json:"file"`
	Name    string         `json:"name"`
	Format  *string        `json:"format"`
	Config  *string        `json:"config"`
	Status  string         `json:"status"`
	Error   *qttError      `json:"error,omitempty"`
	Records []qttOut       `json:"records"`
	Sources []qttSource    `json:"sources"`
	Topics  []qttOutTopic  `json:"topics"`
	Subject map[string]any `json:"subjects"`
	Elapsed int64          `json:"elapsed_us"`
}

type qttError struct {
	Class     string `json:"class"`
	Message   string `json:"message"`
	Statement int    `json:"statement"`
	Line      int    `json:"line"`
	Col       int    `json:"col"`
}

type qttOut struct {
	Topic     string          `json:"topic"`
	Partition int             `json:"partition"`
	Offset    int64           `json:"offset"`
	Timestamp int64           `json:"timestamp"`
	Key       json.RawMessage `json:"key"`
	Value     json.RawMessage `json:"value"`
	Window    *qttWindow      `json:"window,omitempty"`
	Headers   []qttHeader     `json:"headers"`
	KeyRaw    *string         `json:"key_raw"`
	ValueRaw  *string         `json:"value_raw"`
}

type qttSource struct {
	Name          string       `json:"name"`
	Type          string       `json:"type"`
	Topic         string       `json:"topic"`
	Schema        string       `json:"schema"`
	KeyFormat     qttKeyFormat `json:"keyFormat"`
	ValueFormat   string       `json:"valueFormat"`
	KeyFeatures   []string     `json:"keyFeatures"`
	ValueFeatures []string     `json:"valueFeatures"`
	IsSource      bool         `json:"isSource"`
}

type qttKeyFormat struct {
	Format     string `json:"format"`
	WindowType string `json:"windowType,omitempty"`
	WindowSize int64  `json:"windowSize,omitempty"`
}

type qttOutTopic struct {
	Name        string         `json:"name"`
	KeyFormat   qttTopicFormat `json:"keyFormat"`
	ValueFormat qttTopicFormat `json:"valueFormat"`
	Partitions  int            `json:"partitions"`
}

type qttTopicFormat struct {
	Format     string            `json:"format"`
	Properties map[string]string `json:"properties,omitempty"`
	Features   []string          `json:"features,omitempty"`
	WindowInfo *qttWindowInfo    `json:"windowInfo,omitempty"`
}

type qttWindowInfo struct {
	Type string `json:"type"`
	Size int64  `json:"size,omitempty"` // seconds
}

// errCaseTimeout ends a case that takes too long.
var errCaseTimeout = errors.New("case timed out")

// runQTTCase runs one case and returns its line. A case that does not answer in time is given up: its goroutine ends
// at its next step.
func runQTTCase(ctx context.Context, c *qttCase, timeout time.Duration) []byte {
	began := time.Now()
	line := qttLine{File: c.file, Name: c.test.Name, Config: c.config, Subject: map[string]any{}}
	if c.format != "" {
		line.Format = &c.format
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errCaseTimeout)
	defer cancel()
	done := make(chan *qttRun, 1)
	go func() { // ends with the case: every step of it looks at ctx
		run := newQTTRun(c)
		defer func() {
			if p := recover(); p != nil {
				run.status, run.err = "crash", &qttError{Class: "runtime", Message: fmt.Sprintf("panic: %v\n%s", p, debug.Stack())}
			}
			done <- run
		}()
		run.run(ctx)
	}()
	select {
	case run := <-done:
		run.fill(&line)
	case <-ctx.Done():
		line.Status, line.Error = "timeout", &qttError{Class: "runtime", Message: context.Cause(ctx).Error()}
	}
	line.Records, line.Sources, line.Topics = nonNil(line.Records), nonNil(line.Sources), nonNil(line.Topics)
	line.Elapsed = time.Since(began).Microseconds()
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Appendf(nil, `{"file":%q,"name":%q,"status":"crash","error":{"class":"runtime","message":%q}}`, c.file, c.test.Name, err)
	}
	return text
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
