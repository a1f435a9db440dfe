package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/chortal/chortal/broker"
	"github.com/spf13/cobra"
)

func newConfigCheck(s *settings) *cobra.Command {
	var notes, strict bool
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is wrong with a server.properties before a broker reads it",
		Long: `Say what is wrong with a server.properties before a broker reads it: keys that nobody knows,
with what was probably meant; values that a broker refuses; keys without an effect here;
keys that stand there twice. - reads standard input. Ends with 1 where a broker would not
start, or with --strict also where there is a warning.`,
		Example: `  chortal config check server.properties
  chortal config check server.properties --strict -o json
  chortal config check - <server.properties`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			in, name := s.in, "standard input"
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in, name = f, args[0]
			}
			return s.checkConfig(in, name, notes, strict)
		},
	}
	c.Flags().BoolVar(&notes, "notes", false, "also values that are the default, and keys without an effect")
	c.Flags().BoolVar(&strict, "strict", false, "warnings count as errors")
	s.outputFlag(c, formats()...)
	return c
}

// ownKey tells whether a key of the file is read by this program rather than by the broker.
func ownKey(key string) bool {
	switch key {
	case keySQLListeners, keyAdminListeners, keyStateDir, keyRoles, keyServiceID:
		return true
	}
	return strings.HasPrefix(key, streamsPrefix)
}

func (s *settings) checkConfig(in io.Reader, name string, notes, strict bool) error {
	findings, err := broker.CheckProperties(in, ownKey)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var (
		rows             [][]any
		faults, warnings int
	)
	for _, f := range findings {
		switch f.Severity {
		case broker.Fault:
			faults++
		case broker.Warning:
			warnings++
		case broker.Note:
			if !notes {
				continue
			}
		}
		line := any(nil)
		if f.Line > 0 {
			line = f.Line
		}
		rows = append(rows, []any{line, f.Severity, orNil(f.Key), f.Message, orNil(f.Hint)})
	}
	if s.output == "table" {
		for _, r := range rows {
			s.printFinding(name, r)
		}
	} else if err := s.rows(s.out, []column{{"LINE", "line"}, {"SEVERITY", "severity"}, {"KEY", "key"}, {"MESSAGE", "message"}, {"HINT", "hint"}}, textSeverities(rows)); err != nil {
		return err
	}
	if faults > 0 || strict && warnings > 0 {
		return fmt.Errorf("%s: %d errors, %d warnings", name, faults, warnings)
	}
	if !s.quiet {
		fmt.Fprintf(s.err, "%s: %d errors, %d warnings\n", name, faults, warnings)
	}
	return nil
}

// printFinding writes file:line: severity: key: message (hint), the form that editors know.
func (s *settings) printFinding(name string, row []any) {
	place := name
	if row[0] != nil {
		place = fmt.Sprintf("%s:%d", name, row[0])
	}
	text := fmt.Sprintf("%s: %s: ", place, row[1])
	if key, ok := row[2].(string); ok && !strings.HasPrefix(fmt.Sprint(row[3]), key) {
		text += key + ": "
	}
	text += fmt.Sprint(row[3])
	if row[4] != nil {
		text += fmt.Sprintf(" (%s)", row[4])
	}
	fmt.Fprintln(s.out, text)
}

func textSeverities(rows [][]any) [][]any {
	for _, r := range rows {
		r[1] = fmt.Sprint(r[1])
	}
	return rows
}
