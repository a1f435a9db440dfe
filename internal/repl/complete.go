package repl

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/chortal/chortal/ksql/client"
	"github.com/reeflective/readline"
)

// How long names of the server are believed, and how long Tab waits for them.
const (
	namesLive = 5 * time.Second
	namesWait = 500 * time.Millisecond
)

// completer offers keywords, and the names of sources, columns and functions
// that the server has.
type completer struct {
	ctx    context.Context //nolint:containedctx // the line editor's callback has none
	r      *runner
	names  names
	loaded time.Time
}

// names are what a server knows.
type names struct {
	sources   []string
	functions []string
	columns   map[string][]string // by source
}

func (c *completer) complete(line []rune, cursor int) readline.Completions {
	if time.Since(c.loaded) > namesLive {
		c.load()
	}
	words := candidates(string(line[:cursor]), string(line), c.names, c.columnsOf)
	return readline.CompleteValues(words...).NoSpace('(')
}

// candidates lists what may be meant by the word before the cursor: the
// keywords that the grammar allows there, and names where it allows those.
func candidates(before, whole string, known names, columnsOf func(string) []string) []string {
	word := lastWord(before)
	if strings.HasPrefix(strings.TrimSpace(before), `\`) {
		return matching(word, metaNames())
	}
	may := client.Complete(whole, len(before))
	var all []string
	if may.Names {
		all = append(all, known.sources...)
	}
	if may.Names && !may.Sources && word != "" {
		for _, s := range known.sources {
			if mentions(whole, s) {
				all = append(all, columnsOf(s)...)
			}
		}
		for _, f := range known.functions {
			all = append(all, f+"(")
		}
	}
	if !may.Sources { // where a source stands, keywords are only odd names for one
		all = append(all, may.Keywords...)
	}
	return matching(word, all)
}

func metaNames() []string {
	return []string{`\?`, `\c`, `\connect`, `\d`, `\df`, `\dq`, `\ds`, `\dt`, `\i`, `\o`, `\q`, `\spool`, `\timing`, `\topics`, `\watch`, `\x`}
}

// matching keeps the names that begin with word, in any case, once each. What
// was typed in lower case is completed in lower case.
func matching(word string, all []string) []string {
	lower := word != "" && word == strings.ToLower(word)
	var found []string
	for _, name := range all {
		if len(name) < len(word) || !strings.EqualFold(name[:len(word)], word) {
			continue
		}
		if lower && name == strings.ToUpper(name) {
			name = strings.ToLower(name)
		}
		if !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found
}

func lastWord(text string) string {
	end := strings.LastIndexFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '\\' && r != '?'
	})
	return text[end+1:]
}

// mentions reports whether a statement names a source.
func mentions(statement, source string) bool {
	fields := strings.FieldsFunc(statement, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_'
	})
	return slices.ContainsFunc(fields, func(f string) bool { return strings.EqualFold(f, source) })
}

// load asks the server for its names; without an answer the old ones stay.
func (c *completer) load() {
	c.loaded = time.Now()
	ctx, cancel := context.WithTimeout(c.ctx, namesWait)
	defer cancel()
	entities, err := c.r.session.Client.Execute(ctx, "SHOW STREAMS; SHOW TABLES;", client.Options{})
	if err != nil {
		return
	}
	fresh := names{columns: map[string][]string{}, functions: c.names.functions}
	for _, e := range entities {
		for _, s := range slices.Concat(e.Streams, e.Tables) {
			fresh.sources = append(fresh.sources, s.Name)
		}
	}
	if fresh.functions == nil {
		entities, err := c.r.session.Client.Execute(ctx, "SHOW FUNCTIONS;", client.Options{})
		if err == nil && len(entities) == 1 {
			for _, f := range entities[0].Functions {
				fresh.functions = append(fresh.functions, f.Name)
			}
		}
	}
	c.names = fresh
}

// columnsOf asks for a source's columns once per load.
func (c *completer) columnsOf(source string) []string {
	if columns, ok := c.names.columns[source]; ok {
		return columns
	}
	ctx, cancel := context.WithTimeout(c.ctx, namesWait)
	defer cancel()
	entities, err := c.r.session.Client.Execute(ctx, "DESCRIBE `"+source+"`;", client.Options{})
	if err != nil || len(entities) != 1 || entities[0].SourceDescription == nil {
		return nil
	}
	var columns []string
	for _, f := range entities[0].SourceDescription.Fields {
		columns = append(columns, f.Name)
	}
	c.names.columns[source] = columns
	return columns
}
