package parse

import (
	"slices"
	"strings"

	"github.com/antlr4-go/antlr/v4"

	"github.com/chortal/chortal/grammar/parser"
	"github.com/chortal/chortal/ksql/internal/ast"
)

// Completion is what may stand at a place of a text.
type Completion struct {
	// Prefix is the part of the word before the place, which a completion replaces.
	Prefix string
	// Keywords may stand there, in upper case, sorted.
	Keywords []string
	// Names says that a name of a source, column or function may stand there.
	Names bool
	// Sources says that the name is of a stream or table.
	Sources bool
}

// Complete returns what may stand at a byte offset of a text that may hold several statements.
func Complete(src string, offset int) Completion {
	offset = min(max(offset, 0), len(src))
	start := offset
	for start > 0 && isNameByte(src[start-1]) {
		start--
	}
	c := Completion{Prefix: src[start:offset]}
	t, err := lex(src[:start])
	if err != nil {
		return c
	}
	toks := t.tokens
	for i := len(toks) - 1; i >= 0; i-- {
		if toks[i].GetTokenType() == parser.KsqlParserSEMICOLON {
			toks = toks[i+1:]
			break
		}
	}
	ts, err := prepare(src, toks, t.eof)
	if err != nil {
		return c
	}
	kinds, sources := expectedAt(ts)
	c.fill(kinds, sources)
	return c
}

func isNameByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z'
}

func (c *Completion) fill(kinds []int, sources bool) {
	c.Names = slices.Contains(kinds, parser.KsqlParserIDENTIFIER)
	c.Sources = sources
	for _, k := range kinds {
		word := tokenText(k)
		// Where names fit, the keywords that could be names are noise, unless a statement may start there.
		if isWord(word) && (!c.Names || ast.IsReserved(word) || clauseStart[word]) {
			c.Keywords = append(c.Keywords, word)
		}
	}
	slices.Sort(c.Keywords)
	c.Keywords = slices.Compact(c.Keywords)
}

var clauseStart = map[string]bool{"EMIT": true, "PARTITION": true, "EXTENDED": true, "KEY": true, "PRIMARY": true}

// prober stops at the first error and keeps the index of the token that did not fit.
type prober struct {
	*antlr.DefaultErrorStrategy
	failed int
}

// probeListener gets the token from the error strategy; the exception does not tell it.
type probeListener struct {
	*antlr.DefaultErrorListener
	prober *prober
}

func (l probeListener) SyntaxError(_ antlr.Recognizer, offending any, _, _ int, _ string, _ antlr.RecognitionException) {
	if t, ok := offending.(antlr.Token); ok {
		l.prober.failed = t.GetTokenIndex()
	}
	panic(cancel{errBail})
}

func (p *prober) Recover(antlr.Parser, antlr.RecognitionException) { panic(cancel{errBail}) }

func (p *prober) RecoverInline(k antlr.Parser) antlr.Token {
	p.failed = k.GetCurrentToken().GetTokenIndex()
	panic(cancel{errBail})
}

func (p *prober) Sync(antlr.Parser) {}

// expectedAt returns the kinds of tokens that may follow the stream: it appends each in turn and looks whether the parser gets past it.
// The parser's own expected set will not do, for a failing prediction knows only the state in which it began. Some 150 parses of a prefix that
// is already in the prediction cache take a few milliseconds.
func expectedAt(ts *stream) (kinds []int, sources bool) {
	parser.KsqlParserInit()
	end := len(ts.tokens) - 1
	probe := &token{Token: ts.tokens[end], index: end}
	eof := &token{Token: ts.tokens[end], kind: antlr.TokenEOF, index: end + 1}
	trial := &stream{tokens: append(slices.Clone(ts.tokens[:end]), probe, eof), kinds: append(slices.Clone(ts.kinds[:end]), 0, antlr.TokenEOF)}
	fits := func(kind int) bool {
		probe.kind, trial.kinds[end] = kind, kind
		trial.Seek(0)
		k := parser.NewKsqlParser(trial)
		k.RemoveErrorListeners()
		p := &prober{DefaultErrorStrategy: antlr.NewDefaultErrorStrategy(), failed: end + 1}
		k.AddErrorListener(probeListener{prober: p})
		_, _ = attempt(k, antlr.PredictionModeSLL, p, func(k *parser.KsqlParser) antlr.ParserRuleContext { return k.SingleStatement() })
		return p.failed > end
	}
	for kind := range parser.KsqlParserStaticData.LiteralNames {
		if isWord(tokenText(kind)) && fits(kind) {
			kinds = append(kinds, kind)
		}
	}
	if fits(parser.KsqlParserIDENTIFIER) {
		kinds = append(kinds, parser.KsqlParserIDENTIFIER)
	}
	return kinds, end > 0 && beforeSource[ts.kinds[end-1]]
}

var beforeSource = map[int]bool{
	parser.KsqlParserFROM: true, parser.KsqlParserJOIN: true, parser.KsqlParserINTO: true, parser.KsqlParserDESCRIBE: true,
}

// Keywords returns all keywords in upper case, sorted.
func Keywords() []string {
	parser.KsqlParserInit()
	var out []string
	for _, n := range parser.KsqlParserStaticData.LiteralNames {
		if w := strings.Trim(n, "'"); isWord(w) {
			out = append(out, w)
		}
	}
	slices.Sort(out)
	return out
}
