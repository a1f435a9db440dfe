package parse

import (
	"fmt"
	"strings"

	"github.com/chortal/chortal/grammar/parser"
	"github.com/chortal/chortal/ksql/internal/types"
)

// hasVariables reports whether the text can hold a ${name}.
func (p Piece) hasVariables() bool { return strings.Contains(p.Text, "${") }

// Substitute replaces the ${name} of a statement by the values of variables, whose names are in upper case: a value outside quotes must be
// one name, string or number, so that a value never brings syntax with it; inside a string or a quoted name it is text. Unknown
// variables stay.
func (p Piece) Substitute(variables map[string]string) (Piece, error) {
	var b strings.Builder
	changed := false
	last := p.text.byteOffset(p.text.tokens[p.first].GetStart())
	for _, tok := range p.text.tokens[p.first : p.last+1] {
		text := tok.GetText()
		if !strings.Contains(text, "${") {
			continue
		}
		var out string
		switch tok.GetTokenType() {
		case parser.KsqlParserVARIABLE:
			value, ok := variables[types.Upper(text[2:len(text)-1])]
			if !ok {
				continue
			}
			if !isOneToken(value) {
				return p, newError(p.text.src, place(tok), fmt.Sprintf("the value of %s is not a name, a string or a number: %s", text, value),
					"a string needs its quotes in the value, as in DEFINE name = '''text'''")
			}
			out = value
		case parser.KsqlParserSTRING, parser.KsqlParserQUOTED_IDENTIFIER, parser.KsqlParserBACKQUOTED_IDENTIFIER:
			out = substituteInside(text, variables)
		default:
			continue
		}
		start := p.text.byteOffset(tok.GetStart())
		b.WriteString(p.text.src[last:start])
		b.WriteString(out)
		last = p.text.byteOffset(tok.GetStop() + 1)
		changed = true
	}
	if !changed {
		return p, nil
	}
	end := p.text.byteOffset(p.text.tokens[p.last].GetStop() + 1)
	b.WriteString(p.text.src[last:end])
	// Keep the lines of the script, so that errors still name them.
	pieces, err := Split(strings.Repeat("\n", p.Pos.Line-1) + b.String())
	switch {
	case err != nil:
		return p, err
	case len(pieces) != 1:
		return p, newError(p.text.src, p.Pos, "a variable's value ends the statement", "")
	}
	pieces[0].Directives = p.Directives
	return pieces[0], nil
}

func isOneToken(s string) bool {
	t, err := lex(s)
	if err != nil || len(t.tokens) != 1 {
		return false
	}
	switch t.tokens[0].GetTokenType() {
	case parser.KsqlParserIDENTIFIER, parser.KsqlParserDIGIT_IDENTIFIER, parser.KsqlParserQUOTED_IDENTIFIER,
		parser.KsqlParserBACKQUOTED_IDENTIFIER, parser.KsqlParserSTRING, parser.KsqlParserINTEGER_VALUE,
		parser.KsqlParserDECIMAL_VALUE, parser.KsqlParserFLOATING_POINT_VALUE:
		return true
	}
	return isWord(tokenText(t.tokens[0].GetTokenType()))
}

func substituteInside(text string, variables map[string]string) string {
	quote := text[:1]
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			break
		}
		j := strings.IndexByte(text[i:], '}')
		if j < 0 {
			break
		}
		value, ok := variables[types.Upper(text[i+2:i+j])]
		if !ok {
			value = text[i : i+j+1]
		} else {
			value = strings.ReplaceAll(value, quote, quote+quote)
		}
		b.WriteString(text[:i])
		b.WriteString(value)
		text = text[i+j+1:]
	}
	return b.String() + text
}
