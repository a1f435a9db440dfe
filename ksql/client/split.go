package client

import (
	"strings"
	"unicode"
)

// Kind says how a statement is to be sent.
type Kind int

// The kinds of statements.
const (
	KindStatement Kind = iota // Execute
	KindQuery                 // Query: SELECT or PRINT
	KindSession               // SET, UNSET, DEFINE, UNDEFINE: kept by a Session
	KindScript                // RUN SCRIPT: read by the caller, on the client's machine
)

// Statement is one statement of a script, without its semicolon.
type Statement struct {
	Text string
	Kind Kind
	// Line is where the statement begins in the script, from 1.
	Line int
}

// Split cuts a script at its semicolons, minding quotes and comments. Complete is false when text follows the last
// semicolon: a line editor asks for another line then; the rest is returned as the last statement all the same.
// Statements that are only space or comments are left out.
func Split(script string) (statements []Statement, complete bool) {
	s := splitter{text: script, line: 1}
	for {
		st, terminated, ok := s.next()
		if ok {
			statements = append(statements, st)
		}
		if !terminated {
			return statements, !ok && !s.open
		}
	}
}

type splitter struct {
	text string
	pos  int
	line int
	open bool // the text ended inside a quote or a comment
}

// next reads up to a semicolon. ok is false when there was nothing but space and comments.
func (s *splitter) next() (st Statement, terminated, ok bool) {
	start, startLine := -1, 0
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		switch {
		case c == ';':
			end := s.pos
			s.pos++
			if start < 0 {
				return Statement{}, true, false
			}
			return newStatement(s.text[start:end], startLine), true, true
		case strings.HasPrefix(s.text[s.pos:], "--"):
			s.skipTo("\n", 0)
		case strings.HasPrefix(s.text[s.pos:], "/*"):
			s.skipTo("*/", 2)
		case c == '\'' || c == '`' || c == '"':
			if start < 0 {
				start, startLine = s.pos, s.line
			}
			s.pos++
			s.skipTo(string(c), 1)
		default:
			if c == '\n' {
				s.line++
			} else if start < 0 && !unicode.IsSpace(rune(c)) {
				start, startLine = s.pos, s.line
			}
			s.pos++
		}
	}
	if start < 0 {
		return Statement{}, false, false
	}
	return newStatement(strings.TrimSpace(s.text[start:]), startLine), false, true
}

// skipTo moves behind the next end, of which the last n bytes belong to what is skipped.
func (s *splitter) skipTo(end string, n int) {
	i := strings.Index(s.text[s.pos:], end)
	if i < 0 {
		s.open = end != "\n"
		i = len(s.text) - s.pos
		n = 0
	}
	s.line += strings.Count(s.text[s.pos:s.pos+i+n], "\n")
	s.pos += i + n
}

func newStatement(text string, line int) Statement {
	return Statement{Text: text, Kind: kindOf(text), Line: line}
}

// kindOf looks at the first words.
func kindOf(text string) Kind {
	words := leadingWords(text, 2)
	switch words[0] {
	case "SELECT", "PRINT", "WITH":
		return KindQuery
	case "SET", "UNSET", "DEFINE", "UNDEFINE":
		return KindSession
	case "RUN":
		if words[1] == "SCRIPT" {
			return KindScript
		}
	}
	return KindStatement
}

// leadingWords returns the first n words in upper case, comments skipped; missing ones are empty.
func leadingWords(text string, n int) []string {
	words := make([]string, n)
	for i := range words {
		text = skipSpace(text)
		end := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && r != '_' })
		if end < 0 {
			end = len(text)
		}
		words[i] = strings.ToUpper(text[:end])
		text = text[end:]
	}
	return words
}

func skipSpace(text string) string {
	for {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		end := ""
		switch {
		case strings.HasPrefix(text, "--"):
			end = "\n"
		case strings.HasPrefix(text, "/*"):
			end = "*/"
		default:
			return text
		}
		i := strings.Index(text, end)
		if i < 0 {
			return ""
		}
		text = text[i+len(end):]
	}
}
