package parse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/antlr4-go/antlr/v4"

	"github.com/chortal/chortal/grammar/parser"
	"github.com/chortal/chortal/ksql/internal/ast"
)

// Error is a syntax error.
type Error struct {
	Line, Column int    // from 1; 0 if the error has no place
	Message      string // with the place: line 1:8: Syntax Error, and the reason on the next line
	Reason       string // without the place
	Hint         string // what to do, or ""
	Source       string // the line of the text
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Snippet returns the source line and below it a caret under the place of the error.
func (e *Error) Snippet() string {
	if e.Line == 0 {
		return ""
	}
	line := []rune(e.Source)
	col := min(max(e.Column-1, 0), len(line))
	const width = 100
	from := max(0, min(col-width*2/3, len(line)-width))
	cut := line[from:min(len(line), from+width)]
	var pad strings.Builder
	for _, r := range line[from:col] {
		if r == '\t' {
			pad.WriteByte('\t')
		} else {
			pad.WriteByte(' ')
		}
	}
	return string(cut) + "\n" + pad.String() + "^"
}

func newError(src string, pos ast.Pos, reason, hint string) *Error {
	e := &Error{Line: pos.Line, Column: pos.Column, Reason: reason, Hint: hint, Source: sourceLine(src, pos.Line)}
	e.Message = fmt.Sprintf("line %d:%d: Syntax Error\n%s", pos.Line, pos.Column, reason)
	return e
}

func limitError(src string, line, column int, reason string) *Error {
	return newError(src, ast.Pos{Line: line, Column: column + 1}, reason, "split it into smaller statements")
}

func sourceLine(src string, line int) string {
	for range line - 1 {
		i := strings.IndexByte(src, '\n')
		if i < 0 {
			return ""
		}
		src = src[i+1:]
	}
	if i := strings.IndexByte(src, '\n'); i >= 0 {
		src = src[:i]
	}
	return strings.TrimSuffix(src[:min(len(src), 4096)], "\r")
}

// statementWords start statements.
var statementWords = []string{
	"SELECT", "CREATE", "INSERT", "DROP", "ALTER", "SHOW", "LIST", "DESCRIBE", "PRINT", "TERMINATE", "PAUSE", "RESUME", "SET",
	"UNSET", "DEFINE", "UNDEFINE", "EXPLAIN", "ASSERT",
}

func unknownStatement(src string, pos ast.Pos, word string) *Error {
	reason := fmt.Sprintf("Unknown statement '%s'", word)
	hint := ""
	if best := nearest(word, statementWords); best != "" {
		reason += fmt.Sprintf("\nDid you mean '%s'?", best)
		hint = fmt.Sprintf("did you mean %s?", best)
	}
	return newError(src, pos, reason, hint)
}

func atOrNear(src string, tok antlr.Token, hint string) *Error {
	pos := place(tok)
	text := tok.GetText()
	if tok.GetTokenType() == antlr.TokenEOF {
		text = "<EOF>"
	}
	return newError(src, pos, fmt.Sprintf("Syntax error at or near '%s' at line %d:%d", text, pos.Line, pos.Column), hint)
}

// listener turns the first error of the parser into an *Error and stops the parser.
type listener struct {
	*antlr.DefaultErrorListener
	src    string
	parser *parser.KsqlParser
}

// SyntaxError implements antlr.ErrorListener.
func (l *listener) SyntaxError(_ antlr.Recognizer, offending any, _, _ int, msg string, _ antlr.RecognitionException) {
	k := l.parser
	tok, ok := offending.(antlr.Token)
	if !ok {
		tok = k.GetCurrentToken()
	}
	panic(cancel{l.explain(k, tok, msg)})
}

// maxExpected is how many alternatives a message lists at most.
const maxExpected = 5

func (l *listener) explain(k *parser.KsqlParser, tok antlr.Token, msg string) *Error {
	kind, text := tok.GetTokenType(), tok.GetText()
	ts := k.GetTokenStream().(*stream)
	switch {
	case kind == parser.KsqlParserUNTERMINATED_STRING:
		return newError(l.src, place(tok), "the string is not closed", "add the closing quote '; a quote inside a string is doubled: ''")
	case kind == parser.KsqlParserUNTERMINATED_NAME:
		return newError(l.src, place(tok), "the quoted name is not closed", "add the closing quote "+text[:1])
	case kind == parser.KsqlParserUNTERMINATED_COMMENT:
		return newError(l.src, place(tok), "the comment is not closed", "add */")
	case kind == parser.KsqlParserVARIABLE:
		return newError(l.src, place(tok), fmt.Sprintf("the variable %s is not defined", text), "DEFINE it first: DEFINE name = 'value';")
	case tok.GetTokenIndex() == 0 && !slices.Contains(statementWords, strings.ToUpper(text)):
		return unknownStatement(l.src, place(tok), text)
	case strings.HasPrefix(msg, "missing "):
		return newError(l.src, place(tok), msg, "")
	}
	e := atOrNear(l.src, tok, "")
	e.addExpected(k.GetExpectedTokens(), ts, tok)
	e.Message = fmt.Sprintf("line %d:%d: Syntax Error\n%s", e.Line, e.Column, e.Reason)
	return e
}

// addExpected adds what would have fitted, and a guess at what was meant.
func (e *Error) addExpected(set *antlr.IntervalSet, ts *stream, tok antlr.Token) {
	expected, names := fold(set)
	word := strings.ToUpper(tok.GetText())
	switch {
	case (tok.GetTokenType() == antlr.TokenEOF || tok.GetTokenType() == parser.KsqlParserSEMICOLON) && slices.Contains(expected, ")"):
		e.Reason += "\n'}', ']', or ')' is missing"
		e.Hint = "a bracket is not closed"
		return
	case names && ast.IsReserved(word):
		e.Reason += fmt.Sprintf("\n\"%s\" is a reserved keyword and it can't be used as an identifier. You can use it as an identifier by escaping it as `%s`",
			tok.GetText(), tok.GetText())
		e.Hint = fmt.Sprintf("to use it as a name write `%s`", tok.GetText())
		return
	}
	if n := len(expected); n > 0 && n <= maxExpected {
		e.Reason += "\nExpecting " + list(expected)
	}
	e.Hint = guess(expected, ts, tok)
}

// guess looks for an expected keyword that is near the offending word or the word before it, which the parser may have taken for an
// alias.
func guess(expected []string, ts *stream, tok antlr.Token) string {
	words := slices.DeleteFunc(slices.Clone(expected), func(w string) bool { return len(w) < 2 || w[0] < 'A' || w[0] > 'Z' })
	if best := nearest(tok.GetText(), words); best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	i := tok.GetTokenIndex()
	if i > 0 && ts.kinds[i-1] == parser.KsqlParserIDENTIFIER {
		if best := nearest(ts.tokens[i-1].GetText(), append(words, clauseWords...)); best != "" {
			return fmt.Sprintf("did you mean %s instead of %s?", best, ts.tokens[i-1].GetText())
		}
	}
	return ""
}

var clauseWords = []string{"FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "LIMIT", "EMIT", "PARTITION", "JOIN"}

func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if w[0] < 'a' || w[0] > 'z' {
			quoted[i] = "'" + w + "'"
		}
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return "{" + strings.Join(quoted, ", ") + "}"
}

// fold returns the expected tokens as text, names and numbers and strings by what they are; names says that a name would
// have fitted. Where a name fits, the keywords that are names are left out.
func fold(set *antlr.IntervalSet) (expected []string, names bool) {
	if set == nil {
		return nil, false
	}
	kinds := kindsOf(set)
	names = slices.Contains(kinds, parser.KsqlParserIDENTIFIER)
	operators := slices.Contains(kinds, parser.KsqlParserASTERISK) && slices.Contains(kinds, parser.KsqlParserCONCAT)
	add := func(s string) {
		if !slices.Contains(expected, s) {
			expected = append(expected, s)
		}
	}
	if names {
		add("a name")
	}
	for _, kind := range kinds {
		switch word := tokenText(kind); {
		case kind == antlr.TokenEOF:
			add("end of statement")
		case kind == parser.KsqlParserSEMICOLON:
			add("end of statement")
		case kind == parser.KsqlParserSTRING:
			add("a string")
		case kind == parser.KsqlParserINTEGER_VALUE, kind == parser.KsqlParserDECIMAL_VALUE, kind == parser.KsqlParserFLOATING_POINT_VALUE:
			add("a number")
		case isWord(word) && names && !ast.IsReserved(word):
		case operators && isOperator(kind):
			add("an operator")
		case word != "":
			add(word)
		}
	}
	return expected, names
}

func isOperator(kind int) bool { return kind >= parser.KsqlParserEQ && kind <= parser.KsqlParserCONCAT }

func isWord(s string) bool { return s != "" && s[0] >= 'A' && s[0] <= 'Z' }

func kindsOf(set *antlr.IntervalSet) []int {
	var out []int
	for _, i := range set.GetIntervals() {
		for k := i.Start; k < i.Stop; k++ {
			out = append(out, k)
		}
	}
	return out
}

// tokenText returns the text of a keyword or symbol, "" for tokens without a fixed text.
func tokenText(kind int) string {
	names := parser.KsqlParserStaticData.LiteralNames
	switch {
	case kind == parser.KsqlParserNEQ:
		return "<>"
	case kind == parser.KsqlParserLAMBDA_OPEN:
		return ""
	case kind <= 0 || kind >= len(names) || names[kind] == "":
		return ""
	}
	return strings.Trim(names[kind], "'")
}

// nearest returns the candidate that needs the fewest edits to become word, if they are few for its length.
func nearest(word string, candidates []string) string {
	word = strings.ToUpper(word)
	if len(word) < 2 || len(word) > 24 {
		return ""
	}
	best, limit := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		if c == word {
			continue
		}
		if d := distance(word, c); d < limit {
			best, limit = c, d
		}
	}
	return best
}

// distance counts insertions, deletions, replacements and swaps of neighbours.
func distance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
