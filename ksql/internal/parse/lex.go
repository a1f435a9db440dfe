package parse

import (
	"fmt"
	"strings"

	"github.com/antlr4-go/antlr/v4"

	"github.com/chortal/chortal/grammar/parser"
	"github.com/chortal/chortal/ksql/internal/ast"
)

// text is a script with its tokens. Token positions count characters; offsets turn them into bytes.
type text struct {
	src     string
	tokens  []antlr.Token // all channels, without EOF
	eof     antlr.Token
	offsets []int // byte offset of each character; nil if all are single bytes
}

// lex reads the tokens of a script within the limits.
func lex(src string) (*text, error) {
	if len(src) > MaxBytes {
		return nil, limitError(src, 1, 0, fmt.Sprintf("the text is longer than %d bytes", MaxBytes))
	}
	t := &text{src: src}
	chars := antlr.NewInputStream(src)
	if chars.Size() != len(src) {
		t.offsets = make([]int, 0, chars.Size()+1)
		for i := range src {
			t.offsets = append(t.offsets, i)
		}
		t.offsets = append(t.offsets, len(src))
	}
	lexer := parser.NewKsqlLexer(chars)
	lexer.RemoveErrorListeners()
	for {
		tok := lexer.NextToken()
		if tok.GetTokenType() == antlr.TokenEOF {
			t.eof = tok
			return t, nil
		}
		if len(t.tokens) >= MaxTokens {
			return nil, limitError(src, tok.GetLine(), tok.GetColumn(), fmt.Sprintf("the text has more than %d tokens", MaxTokens))
		}
		t.tokens = append(t.tokens, tok)
	}
}

func (t *text) byteOffset(char int) int {
	if t.offsets == nil {
		return min(char, len(t.src))
	}
	return t.offsets[min(char, len(t.offsets)-1)]
}

// slice returns the text from the start of one token to the end of another.
func (t *text) slice(from, to antlr.Token) string {
	return t.src[t.byteOffset(from.GetStart()):t.byteOffset(to.GetStop()+1)]
}

func place(tok antlr.Token) ast.Pos { return ast.Pos{Line: tok.GetLine(), Column: tok.GetColumn() + 1} }

// pieces cuts the tokens at semicolons.
func (t *text) pieces() []Piece {
	var out []Piece
	var p Piece
	first := -1
	for i, tok := range t.tokens {
		switch {
		case tok.GetTokenType() == parser.KsqlParserDIRECTIVE:
			p.Directives = append(p.Directives, strings.TrimPrefix(tok.GetText(), "--"))
			continue
		case tok.GetChannel() != antlr.TokenDefaultChannel && !unfinished(tok):
			continue
		}
		if first < 0 {
			first = i
		}
		if tok.GetTokenType() == parser.KsqlParserSEMICOLON {
			if first < i { // an empty statement is no statement
				p.Terminated = true
				out = append(out, t.finish(p, first, i))
				p = Piece{}
			}
			first = -1
		}
	}
	if first >= 0 {
		out = append(out, t.finish(p, first, len(t.tokens)-1))
	}
	return out
}

func (t *text) finish(p Piece, first, last int) Piece {
	for last > first && t.tokens[last].GetChannel() != antlr.TokenDefaultChannel {
		last--
	}
	p.Pos = place(t.tokens[first])
	p.Text = t.slice(t.tokens[first], t.tokens[last])
	p.text, p.first, p.last = t, first, last
	return p
}

// unfinished reports whether a token is a string, quoted name or comment that the text cuts off.
func unfinished(tok antlr.Token) bool {
	switch tok.GetTokenType() {
	case parser.KsqlParserUNTERMINATED_STRING, parser.KsqlParserUNTERMINATED_NAME, parser.KsqlParserUNTERMINATED_COMMENT:
		return true
	}
	return false
}
