package parse

import (
	"errors"

	"github.com/antlr4-go/antlr/v4"

	"github.com/chortal/chortal/grammar/parser"
	"github.com/chortal/chortal/ksql/internal/ast"
)

// The limits on SQL text.
const (
	MaxBytes  = 1 << 20 // of a script
	MaxTokens = 100_000 // of a script
	MaxDepth  = 250     // of nested brackets, CASEs, lambdas and prefix operators
)

// Options says what is allowed beside the statements of the server.
type Options struct {
	// Test allows the ASSERT statements of test scripts.
	Test bool
	// Scripts allows RUN SCRIPT, a statement of the command line.
	Scripts bool
	// Variables replaces ${name}; see Piece.Substitute. Nil leaves them alone, which makes them errors.
	Variables map[string]string
}

// Piece is the text of one statement of a script.
type Piece struct {
	// Text is the statement with its final semicolon, without the blanks and comments before it.
	Text string
	// Pos is the place of its first token in the script.
	Pos ast.Pos
	// Directives are the comments before it that start with --@, without the two dashes.
	Directives []string
	// Terminated says that it ends with a semicolon.
	Terminated bool

	text        *text
	first, last int
}

// Parsed is one statement of a script with its text.
type Parsed struct {
	Piece
	Statement ast.Statement
}

// Split cuts a script into statements at its semicolons; only those outside strings, quoted names and comments count. The last
// piece may lack its semicolon. Statements are not checked, so one bad statement does not hide the others.
func Split(script string) ([]Piece, error) {
	t, err := lex(script)
	if err != nil {
		return nil, err
	}
	return t.pieces(), nil
}

// Script parses all statements of a script. Positions are those in the script. On an error the statements before it are
// returned, too.
func Script(script string, o Options) ([]Parsed, error) {
	pieces, err := Split(script)
	if err != nil {
		return nil, err
	}
	out := make([]Parsed, 0, len(pieces))
	for _, p := range pieces {
		s, err := p.Parse(o)
		if err != nil {
			return out, err
		}
		out = append(out, Parsed{p, s})
	}
	return out, nil
}

// Statement parses text that is one statement, with or without its semicolon.
func Statement(src string, o Options) (ast.Statement, error) {
	pieces, err := Split(src)
	if err != nil {
		return nil, err
	}
	switch len(pieces) {
	case 0:
		return nil, newError(src, ast.Pos{Line: 1, Column: 1}, "there is no statement", "")
	case 1:
		return pieces[0].Parse(o)
	}
	return nil, newError(src, pieces[1].Pos, "there is more than one statement", "send statements one by one")
}

// Parse parses the statement. Positions are those in the script.
func (p Piece) Parse(o Options) (ast.Statement, error) {
	if p.hasVariables() && o.Variables != nil {
		replaced, err := p.Substitute(o.Variables)
		if err != nil {
			return nil, err
		}
		if replaced.text != p.text {
			return replaced.Parse(Options{Test: o.Test, Scripts: o.Scripts})
		}
	}
	ts, err := p.stream()
	if err != nil {
		return nil, err
	}
	if err := allowed(p.text.src, ts, o); err != nil {
		return nil, err
	}
	var out ast.Statement
	err = run(p.text.src, ts, func(k *parser.KsqlParser) antlr.ParserRuleContext { return k.SingleStatement() },
		func(b *builder, tree antlr.ParserRuleContext) {
			out = b.statement(tree.(*parser.SingleStatementContext).Statement())
		})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (p Piece) stream() (*stream, error) {
	eof := p.text.eof
	if p.last+1 < len(p.text.tokens) {
		eof = p.text.tokens[p.last+1]
	}
	return prepare(p.text.src, p.text.tokens[p.first:p.last+1], eof)
}

// allowed refuses the statements that belong to test scripts or to the command line, as if they did not exist.
func allowed(src string, ts *stream, o Options) error {
	kinds := ts.kinds
	for len(kinds) > 1 && kinds[0] == parser.KsqlParserEXPLAIN {
		kinds = kinds[1:]
	}
	first := len(ts.kinds) - len(kinds)
	switch {
	case kinds[0] == parser.KsqlParserRUN && !o.Scripts:
		return unknownStatement(src, place(ts.tokens[first]), ts.tokens[first].GetText())
	case kinds[0] == parser.KsqlParserASSERT && !o.Test && len(kinds) > 1 && testOnly[kinds[1]]:
		return atOrNear(src, ts.tokens[first+1], "this form of ASSERT is for test scripts only")
	}
	return nil
}

var testOnly = map[int]bool{
	parser.KsqlParserVALUES: true, parser.KsqlParserNULL: true, parser.KsqlParserSTREAM: true, parser.KsqlParserTABLE: true,
}

// Expression parses an expression that stands alone.
func Expression(src string) (ast.Expr, error) {
	var out ast.Expr
	err := whole(src, func(k *parser.KsqlParser) antlr.ParserRuleContext { return k.SingleExpression() },
		func(b *builder, tree antlr.ParserRuleContext) {
			out = b.expr(tree.(*parser.SingleExpressionContext).Expression())
		})
	return out, err
}

// Type parses a type that stands alone.
func Type(src string) (*ast.TypeRef, error) {
	var out *ast.TypeRef
	err := whole(src, func(k *parser.KsqlParser) antlr.ParserRuleContext { return k.SingleType() },
		func(b *builder, tree antlr.ParserRuleContext) {
			out = b.dataType(tree.(*parser.SingleTypeContext).DataType())
		})
	return out, err
}

func whole(src string, rule func(*parser.KsqlParser) antlr.ParserRuleContext, build func(*builder, antlr.ParserRuleContext)) error {
	t, err := lex(src)
	if err != nil {
		return err
	}
	ts, err := prepare(src, t.tokens, t.eof)
	if err != nil {
		return err
	}
	return run(src, ts, rule, build)
}

// run parses with SLL prediction, which is enough for nearly all text and fast, and again with LL if that fails: either the text
// needs it, or it has an error that only this pass may report.
func run(src string, ts *stream, rule func(*parser.KsqlParser) antlr.ParserRuleContext, build func(*builder, antlr.ParserRuleContext)) error {
	k := parser.NewKsqlParser(ts)
	k.RemoveErrorListeners()
	tree, err := attempt(k, antlr.PredictionModeSLL, bail{antlr.NewDefaultErrorStrategy()}, rule)
	if err != nil {
		ts.Seek(0)
		k.SetInputStream(ts)
		k.SetError(nil) // the first pass left its error behind
		k.AddErrorListener(&listener{src: src, parser: k})
		if tree, err = attempt(k, antlr.PredictionModeLL, report{antlr.NewDefaultErrorStrategy()}, rule); err != nil {
			return err
		}
	}
	return buildTree(src, tree, build)
}

var errBail = errors.New("syntax error")

// cancel carries an error out of the generated parser, which has no other way to stop at the first.
type cancel struct{ err error }

func attempt(k *parser.KsqlParser, mode int, strategy antlr.ErrorStrategy,
	rule func(*parser.KsqlParser) antlr.ParserRuleContext,
) (tree antlr.ParserRuleContext, err error) {
	defer caught(&err)
	k.SetErrorHandler(strategy)
	k.GetInterpreter().SetPredictionMode(mode)
	return rule(k), nil
}

func buildTree(src string, tree antlr.ParserRuleContext, build func(*builder, antlr.ParserRuleContext)) (err error) {
	defer caught(&err)
	build(&builder{src: src}, tree)
	return nil
}

func caught(err *error) {
	switch r := recover().(type) {
	case nil:
	case cancel:
		*err = r.err
	default:
		panic(r)
	}
}

// bail stops at the first error without looking at it.
type bail struct{ *antlr.DefaultErrorStrategy }

func (bail) ReportError(antlr.Parser, antlr.RecognitionException) { panic(cancel{errBail}) }
func (bail) Recover(antlr.Parser, antlr.RecognitionException)     { panic(cancel{errBail}) }
func (bail) RecoverInline(antlr.Parser) antlr.Token               { panic(cancel{errBail}) }
func (bail) Sync(antlr.Parser)                                    {}

// report stops at the first error after the listener, which panics with it, has seen it.
type report struct{ *antlr.DefaultErrorStrategy }

func (report) Recover(antlr.Parser, antlr.RecognitionException) { panic(cancel{errBail}) }
