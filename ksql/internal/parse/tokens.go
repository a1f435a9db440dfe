package parse

import (
	"fmt"

	"github.com/antlr4-go/antlr/v4"

	"github.com/chortal/chortal/grammar/parser"
)

// token is a token of the stream that the parser sees: its index there, and perhaps another type.
type token struct {
	antlr.Token
	kind, index int
}

func (t *token) GetTokenType() int   { return t.kind }
func (t *token) GetTokenIndex() int  { return t.index }
func (t *token) SetTokenIndex(i int) { t.index = i }

// prepare makes the stream of one statement: hidden tokens dropped, context-dependent tokens told apart (see the comment
// of the grammar), nesting checked.
func prepare(src string, in []antlr.Token, eof antlr.Token) (*stream, error) {
	backing := make([]token, 0, len(in)+1)
	for _, t := range in {
		if t.GetChannel() == antlr.TokenDefaultChannel {
			backing = append(backing, token{t, t.GetTokenType(), len(backing)})
		}
	}
	backing = append(backing, token{eof, antlr.TokenEOF, len(backing)})
	if err := classify(src, backing); err != nil {
		return nil, err
	}
	s := &stream{tokens: make([]antlr.Token, len(backing)), kinds: make([]int, len(backing))}
	for i := range backing {
		s.tokens[i], s.kinds[i] = &backing[i], backing[i].kind
	}
	return s, nil
}

// level is an open bracket, CASE, type bracket or right-hand side of a lambda.
type level struct {
	kind  int // of the token that opened it
	index int
}

func classify(src string, toks []token) error {
	var open []level
	run := 0 // consecutive prefix operators
	for i := range toks {
		t := &toks[i]
		next := antlr.TokenEOF
		if i+1 < len(toks) {
			next = toks[i+1].kind
		}
		switch t.kind {
		case parser.KsqlParserNOT, parser.KsqlParserMINUS, parser.KsqlParserPLUS, parser.KsqlParserEXPLAIN:
			run++
		default:
			run = 0
		}
		switch t.kind {
		case parser.KsqlParserARRAY:
			keep(t, next == parser.KsqlParserLBRACKET || next == parser.KsqlParserLT)
		case parser.KsqlParserMAP:
			keep(t, next == parser.KsqlParserLPAREN || next == parser.KsqlParserLT)
		case parser.KsqlParserSTRUCT:
			keep(t, next == parser.KsqlParserLPAREN || next == parser.KsqlParserLT || next == parser.KsqlParserNEQ)
		case parser.KsqlParserLPAREN, parser.KsqlParserLBRACKET, parser.KsqlParserCASE, parser.KsqlParserLAMBDA:
			open = append(open, level{t.kind, i})
		case parser.KsqlParserLT:
			if i > 0 && isNestedType(toks[i-1].kind) {
				open = append(open, level{t.kind, i})
			}
		case parser.KsqlParserGT:
			if n := len(open); n > 0 && open[n-1].kind == parser.KsqlParserLT {
				open = open[:n-1]
			}
		case parser.KsqlParserEND:
			open = closeTo(open, parser.KsqlParserCASE, nil)
		case parser.KsqlParserRBRACKET:
			open = closeTo(open, parser.KsqlParserLBRACKET, nil)
		case parser.KsqlParserRPAREN:
			open = closeTo(open, parser.KsqlParserLPAREN, func(l level) {
				if next == parser.KsqlParserLAMBDA {
					toks[l.index].kind = parser.KsqlParserLAMBDA_OPEN
				}
			})
		}
		if len(open)+run > MaxDepth {
			return limitError(src, t.GetLine(), t.GetColumn(), fmt.Sprintf("the statement is nested deeper than %d levels", MaxDepth))
		}
	}
	return nil
}

func keep(t *token, keyword bool) {
	if !keyword {
		t.kind = parser.KsqlParserIDENTIFIER
	}
}

func isNestedType(kind int) bool {
	return kind == parser.KsqlParserARRAY || kind == parser.KsqlParserMAP || kind == parser.KsqlParserSTRUCT
}

// closeTo closes levels up to the nearest of a kind; brackets of other kinds in between stay a syntax error for the parser.
func closeTo(open []level, kind int, found func(level)) []level {
	for n := len(open) - 1; n >= 0; n-- {
		switch open[n].kind {
		case kind:
			if found != nil {
				found(open[n])
			}
			return open[:n]
		case parser.KsqlParserLAMBDA, parser.KsqlParserLT:
			continue
		}
		return open
	}
	return open
}

// stream is the antlr.TokenStream over prepared tokens.
type stream struct {
	tokens []antlr.Token
	kinds  []int
	at     int
}

func (s *stream) Consume() {
	if s.at < len(s.tokens)-1 {
		s.at++
	}
}

func (s *stream) LA(k int) int {
	i := s.at + k - 1
	if k < 0 {
		i = s.at + k
	}
	switch {
	case i < 0:
		return antlr.TokenInvalidType
	case i >= len(s.kinds):
		return antlr.TokenEOF
	}
	return s.kinds[i]
}

func (s *stream) LT(k int) antlr.Token {
	i := s.at + k - 1
	if k < 0 {
		i = s.at + k
	}
	switch {
	case k == 0 || i < 0:
		return nil
	case i >= len(s.tokens):
		return s.tokens[len(s.tokens)-1]
	}
	return s.tokens[i]
}

func (s *stream) Mark() int                         { return 0 }
func (s *stream) Release(int)                       {}
func (s *stream) Index() int                        { return s.at }
func (s *stream) Seek(i int)                        { s.at = min(i, len(s.tokens)-1) }
func (s *stream) Size() int                         { return len(s.tokens) }
func (s *stream) GetSourceName() string             { return "sql" }
func (s *stream) Reset()                            { s.at = 0 }
func (s *stream) Get(i int) antlr.Token             { return s.tokens[i] }
func (s *stream) GetTokenSource() antlr.TokenSource { return nil }
func (s *stream) SetTokenSource(antlr.TokenSource)  {}

func (s *stream) GetAllText() string { return s.join(0, len(s.tokens)-1) }

func (s *stream) GetTextFromInterval(i antlr.Interval) string { return s.join(i.Start, i.Stop) }

func (s *stream) GetTextFromRuleContext(c antlr.RuleContext) string {
	return s.GetTextFromInterval(c.GetSourceInterval())
}

func (s *stream) GetTextFromTokens(a, b antlr.Token) string {
	if a == nil || b == nil {
		return ""
	}
	return s.join(a.GetTokenIndex(), b.GetTokenIndex())
}

func (s *stream) join(from, to int) string {
	out := ""
	for i := max(from, 0); i <= to && i < len(s.tokens) && len(out) < 256; i++ {
		out += s.tokens[i].GetText()
	}
	return out
}
