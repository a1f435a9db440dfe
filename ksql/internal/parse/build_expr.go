package parse

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/antlr4-go/antlr/v4"

	"github.com/chortal/chortal/grammar/parser"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/types"
)

// builder turns parse trees into the syntax tree. It stops by panicking with cancel, as the generated parser does.
type builder struct {
	src     string
	lambdas []string // parameters of the lambdas around, innermost last
}

func (b *builder) fail(pos ast.Pos, hint, format string, args ...any) {
	panic(cancel{newError(b.src, pos, fmt.Sprintf(format, args...), hint)})
}

func at(c antlr.ParserRuleContext) ast.Pos { return place(c.GetStart()) }

func (b *builder) exprs(list []parser.IExpressionContext) []ast.Expr {
	out := make([]ast.Expr, len(list))
	for i, e := range list {
		out[i] = b.expr(e)
	}
	return out
}

func (b *builder) expr(c parser.IExpressionContext) ast.Expr {
	return b.boolean(c.(*parser.ExpressionContext).BooleanExpression())
}

func (b *builder) boolean(c parser.IBooleanExpressionContext) ast.Expr {
	switch c := c.(type) {
	case *parser.PredicatedContext:
		x := b.value(c.ValueExpression())
		if p := c.Predicate(); p != nil {
			return b.predicate(at(c), x, p)
		}
		return x
	case *parser.NotExpressionContext:
		return &ast.Not{Pos: at(c), X: b.boolean(c.BooleanExpression())}
	case *parser.AndExpressionContext:
		return &ast.Logical{Pos: at(c), L: b.boolean(c.GetLeft()), R: b.boolean(c.GetRight())}
	case *parser.OrExpressionContext:
		return &ast.Logical{Pos: at(c), Or: true, L: b.boolean(c.GetLeft()), R: b.boolean(c.GetRight())}
	}
	panic(fmt.Sprintf("unknown expression %T", c))
}

func (b *builder) predicate(pos ast.Pos, x ast.Expr, c parser.IPredicateContext) ast.Expr {
	switch c := c.(type) {
	case *parser.ComparisonPredicateContext:
		return &ast.Comparison{Pos: pos, Op: comparison(c.ComparisonOperator()), L: x, R: b.value(c.GetRight())}
	case *parser.BetweenPredicateContext:
		return &ast.Between{Pos: pos, X: x, Low: b.value(c.GetLow()), High: b.value(c.GetHigh()), Not: c.NOT() != nil}
	case *parser.InPredicateContext:
		return &ast.In{Pos: pos, X: x, List: b.exprs(c.AllExpression()), Not: c.NOT() != nil}
	case *parser.LikePredicateContext:
		return b.like(pos, x, c)
	case *parser.NullPredicateContext:
		return &ast.IsNull{Pos: pos, X: x, Not: c.NOT() != nil}
	case *parser.DistinctPredicateContext:
		op := types.OpDistinct
		if c.NOT() != nil {
			op = types.OpNotDistinct
		}
		return &ast.Comparison{Pos: pos, Op: op, L: x, R: b.value(c.GetRight())}
	}
	panic(fmt.Sprintf("unknown predicate %T", c))
}

func (b *builder) like(pos ast.Pos, x ast.Expr, c *parser.LikePredicateContext) ast.Expr {
	e := &ast.Like{Pos: pos, X: x, Pattern: b.value(c.GetPattern()), Not: c.NOT() != nil}
	if s := c.STRING(); s != nil {
		e.Escape = unquote(s.GetText())
		if len([]rune(e.Escape)) != 1 {
			b.fail(place(s.GetSymbol()), "write one character, such as ESCAPE '!'", "Expected exactly one character in ESCAPE but got '%s'", e.Escape)
		}
	}
	return e
}

func comparison(c parser.IComparisonOperatorContext) types.CompareOp {
	switch c.GetStart().GetTokenType() {
	case parser.KsqlParserNEQ:
		return types.OpNotEqual
	case parser.KsqlParserLT:
		return types.OpLess
	case parser.KsqlParserLTE:
		return types.OpLessEqual
	case parser.KsqlParserGT:
		return types.OpGreater
	case parser.KsqlParserGTE:
		return types.OpGreaterEqual
	}
	return types.OpEqual
}

func (b *builder) value(c parser.IValueExpressionContext) ast.Expr {
	switch c := c.(type) {
	case *parser.PrimaryContext:
		return b.primary(c.PrimaryExpression())
	case *parser.SignedContext:
		return b.signed(c)
	case *parser.ProductContext:
		return &ast.Arithmetic{Pos: at(c), Op: arithmetic(c.GetOperator()), L: b.value(c.GetLeft()), R: b.value(c.GetRight())}
	case *parser.SumContext:
		return &ast.Arithmetic{Pos: at(c), Op: arithmetic(c.GetOperator()), L: b.value(c.GetLeft()), R: b.value(c.GetRight())}
	case *parser.ConcatContext:
		return &ast.Call{Pos: at(c), Name: "CONCAT", Args: []ast.Expr{b.value(c.GetLeft()), b.value(c.GetRight())}}
	case *parser.AtTimeZoneContext:
		return &ast.AtTimeZone{Pos: at(c), X: b.value(c.ValueExpression()), Zone: b.primary(c.PrimaryExpression())}
	}
	panic(fmt.Sprintf("unknown value %T", c))
}

func arithmetic(t antlr.Token) types.Op {
	switch t.GetTokenType() {
	case parser.KsqlParserMINUS:
		return types.Subtract
	case parser.KsqlParserASTERISK:
		return types.Multiply
	case parser.KsqlParserSLASH:
		return types.Divide
	case parser.KsqlParserPERCENT:
		return types.Modulo
	}
	return types.Add
}

// signed folds a sign in front of a number into the number.
func (b *builder) signed(c *parser.SignedContext) ast.Expr {
	minus := c.GetOperator().GetTokenType() == parser.KsqlParserMINUS
	if p, ok := c.ValueExpression().(*parser.PrimaryContext); ok {
		if l, ok := p.PrimaryExpression().(*parser.LiteralExpressionContext); ok {
			if n, ok := l.Literal().(*parser.NumberLiteralContext); ok {
				return b.number(at(c), n.Number(), minus)
			}
		}
	}
	return &ast.Sign{Pos: at(c), Minus: minus, X: b.value(c.ValueExpression())}
}

func (b *builder) primary(c parser.IPrimaryExpressionContext) ast.Expr {
	switch c := c.(type) {
	case *parser.LiteralExpressionContext:
		return b.literal(c.Literal())
	case *parser.ColumnContext:
		name := identifier(c.Identifier())
		if slices.Contains(b.lambdas, name) {
			return &ast.LambdaVar{Pos: at(c), Name: name}
		}
		return &ast.ColumnRef{Pos: at(c), Name: name}
	case *parser.QualifiedColumnContext:
		return &ast.ColumnRef{Pos: at(c), Source: identifier(c.Identifier(0)), Name: identifier(c.Identifier(1))}
	case *parser.ParenthesizedContext:
		return b.expr(c.Expression())
	case *parser.CallContext:
		return b.call(c)
	case *parser.CallAllContext:
		return &ast.Call{Pos: at(c), Name: identifier(c.Identifier()), Star: true}
	case *parser.CastContext:
		return &ast.Cast{Pos: at(c), X: b.expr(c.Expression()), Type: b.dataType(c.DataType())}
	case *parser.SubscriptContext:
		return &ast.Subscript{Pos: at(c), Base: b.primary(c.GetBase()), Index: b.value(c.GetIndex())}
	case *parser.DereferenceContext:
		return &ast.Deref{Pos: at(c), Base: b.primary(c.GetBase()), Field: identifier(c.Identifier())}
	case *parser.StructAllContext:
		b.fail(place(c.ASTERISK().GetSymbol()), "->* selects all fields of a STRUCT and stands alone in the list of SELECT",
			"Syntax error at or near '*' at line %s", place(c.ASTERISK().GetSymbol()))
	case *parser.SimpleCaseContext:
		return b.caseExpr(at(c), c.GetOperand(), c.AllWhenClause(), c.GetOtherwise())
	case *parser.SearchedCaseContext:
		return b.caseExpr(at(c), nil, c.AllWhenClause(), c.GetOtherwise())
	case *parser.ArrayConstructorContext:
		e := &ast.ArrayLit{Pos: at(c)}
		if l := c.Expressions(); l != nil {
			e.Elems = b.exprs(l.(*parser.ExpressionsContext).AllExpression())
		}
		return e
	case *parser.MapConstructorContext:
		e := &ast.MapLit{Pos: at(c)}
		for _, m := range c.AllMapEntry() {
			e.Entries = append(e.Entries, ast.MapEntry{Key: b.expr(m.GetKey()), Value: b.expr(m.GetValue())})
		}
		return e
	case *parser.StructConstructorContext:
		e := &ast.StructLit{Pos: at(c)}
		for _, f := range c.AllStructField() {
			e.Fields = append(e.Fields, ast.StructField{Name: identifier(f.Identifier()), Value: b.expr(f.Expression())})
		}
		return e
	}
	panic(fmt.Sprintf("unknown expression %T", c))
}

func (b *builder) caseExpr(pos ast.Pos, operand parser.IExpressionContext, whens []parser.IWhenClauseContext, otherwise parser.IExpressionContext) ast.Expr {
	e := &ast.Case{Pos: pos}
	if operand != nil {
		e.Operand = b.expr(operand)
	}
	for _, w := range whens {
		e.Whens = append(e.Whens, ast.When{Pos: at(w), If: b.expr(w.GetCondition()), Then: b.expr(w.GetResult())})
	}
	if otherwise != nil {
		e.Else = b.expr(otherwise)
	}
	return e
}

// unitFunctions take a unit of time as their first argument.
var unitFunctions = map[string]bool{
	"DATEADD": true, "DATESUB": true, "TIMEADD": true, "TIMESUB": true, "TIMESTAMPADD": true, "TIMESTAMPSUB": true,
}

func (b *builder) call(c *parser.CallContext) ast.Expr {
	e := &ast.Call{Pos: at(c), Name: identifier(c.Identifier())}
	for i, a := range c.AllArgument() {
		arg := b.argument(a)
		if i == 0 && unitFunctions[e.Name] {
			arg = asUnit(a, arg)
		}
		if _, ok := arg.(*ast.Lambda); !ok && i > 0 {
			if l, ok := e.Args[i-1].(*ast.Lambda); ok {
				b.fail(l.Pos, "put the lambdas after all other arguments", "Lambda expressions must be the last arguments of a function")
			}
		}
		e.Args = append(e.Args, arg)
	}
	return e
}

// asUnit turns a bare unit of time, which parses as a column, into a Unit.
func asUnit(c parser.IArgumentContext, arg ast.Expr) ast.Expr {
	col, ok := arg.(*ast.ColumnRef)
	if !ok || col.Source != "" || c.GetStart().GetText()[0] == '`' || c.GetStart().GetText()[0] == '"' {
		return arg
	}
	if u, ok := units[col.Name]; ok {
		return &ast.Unit{Pos: col.Pos, Unit: u}
	}
	return arg
}

var units = map[string]ast.TimeUnit{
	"MILLISECOND": ast.Milliseconds, "MILLISECONDS": ast.Milliseconds, "SECOND": ast.Seconds, "SECONDS": ast.Seconds,
	"MINUTE": ast.Minutes, "MINUTES": ast.Minutes, "HOUR": ast.Hours, "HOURS": ast.Hours, "DAY": ast.Days, "DAYS": ast.Days,
	"WEEK": ast.Weeks, "WEEKS": ast.Weeks, "MONTH": ast.Months, "MONTHS": ast.Months, "YEAR": ast.Years, "YEARS": ast.Years,
}

func (b *builder) argument(c parser.IArgumentContext) ast.Expr {
	a := c.(*parser.ArgumentContext)
	if e := a.Expression(); e != nil {
		return b.expr(e)
	}
	l := a.Lambda().(*parser.LambdaContext)
	e := &ast.Lambda{Pos: at(l)}
	for _, id := range l.AllIdentifier() {
		name := identifier(id)
		if slices.Contains(e.Params, name) || slices.Contains(b.lambdas, name) {
			b.fail(at(id), "give each parameter its own name", "Duplicate lambda parameter: %s", name)
		}
		e.Params = append(e.Params, name)
	}
	outer := len(b.lambdas)
	b.lambdas = append(b.lambdas, e.Params...)
	e.Body = b.expr(l.Expression())
	b.lambdas = b.lambdas[:outer]
	return e
}

func (b *builder) literal(c parser.ILiteralContext) *ast.Literal {
	switch c := c.(type) {
	case *parser.NullLiteralContext:
		return &ast.Literal{Pos: at(c)}
	case *parser.BooleanLiteralContext:
		return &ast.Literal{Pos: at(c), Value: types.NewBoolean(c.TRUE() != nil), Type: types.Boolean}
	case *parser.StringLiteralContext:
		return &ast.Literal{Pos: at(c), Value: types.NewString(unquote(c.GetText())), Type: types.String}
	case *parser.NumberLiteralContext:
		return b.number(at(c), c.Number(), false)
	}
	panic(fmt.Sprintf("unknown literal %T", c))
}

func (b *builder) number(pos ast.Pos, c parser.INumberContext, minus bool) *ast.Literal {
	tok := c.GetStart()
	text := tok.GetText()
	if minus {
		text = "-" + text
	}
	switch tok.GetTokenType() {
	case parser.KsqlParserINTEGER_VALUE:
		i, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil:
			b.fail(pos, "the largest whole number is 9223372036854775807; write it with a decimal point to make it a DECIMAL", "Invalid numeric literal: %s", text)
		case i >= math.MinInt32 && i <= math.MaxInt32:
			return &ast.Literal{Pos: pos, Value: types.NewInteger(int32(i)), Type: types.Integer}
		}
		return &ast.Literal{Pos: pos, Value: types.NewBigint(i), Type: types.Bigint}
	case parser.KsqlParserDECIMAL_VALUE:
		v, err := types.ParseDecimal(text)
		if err != nil {
			b.fail(pos, "", "Invalid numeric literal: %s", text)
		}
		return &ast.Literal{Pos: pos, Value: v, Type: types.DecimalTypeOf(v)}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		b.fail(pos, "", "Invalid numeric literal: %s", text)
	}
	return &ast.Literal{Pos: pos, Value: types.NewDouble(f), Type: types.Double}
}

// whole returns a number that must be a whole one.
func (b *builder) whole(c parser.INumberContext) int64 {
	l := b.number(at(c), c, false)
	if k := l.Type.Kind(); k != types.KindInteger && k != types.KindBigint {
		b.fail(l.Pos, "write a whole number", "Syntax error at or near '%s' at line %s", c.GetText(), l.Pos)
	}
	return l.Value.Bigint()
}

// unquote returns the text of a string literal.
func unquote(s string) string { return strings.ReplaceAll(s[1:len(s)-1], "''", "'") }

// identifier returns a name in its final case.
func identifier(c parser.IIdentifierContext) string { return name(c.GetStart()) }

func name(t antlr.Token) string {
	s := t.GetText()
	switch s[0] {
	case '`':
		return strings.ReplaceAll(s[1:len(s)-1], "``", "`")
	case '"':
		return strings.ReplaceAll(s[1:len(s)-1], `""`, `"`)
	}
	return types.Upper(s)
}

func (b *builder) dataType(c parser.IDataTypeContext) *ast.TypeRef {
	switch c := c.(type) {
	case *parser.ArrayTypeContext:
		return &ast.TypeRef{Pos: at(c), Name: "ARRAY", Elems: []*ast.TypeRef{b.dataType(c.DataType())}}
	case *parser.MapTypeContext:
		return &ast.TypeRef{Pos: at(c), Name: "MAP", Elems: []*ast.TypeRef{b.dataType(c.DataType(0)), b.dataType(c.DataType(1))}}
	case *parser.StructTypeContext:
		t := &ast.TypeRef{Pos: at(c), Name: "STRUCT"}
		for _, f := range c.AllTypeField() {
			t.Fields = append(t.Fields, ast.FieldRef{Pos: at(f), Name: identifier(f.Identifier()), Type: b.dataType(f.DataType())})
		}
		return t
	case *parser.BaseTypeContext:
		t := &ast.TypeRef{Pos: at(c), Name: identifier(c.Identifier())}
		for _, n := range c.AllNumber() {
			t.Params = append(t.Params, int(min(b.whole(n), math.MaxInt32)))
		}
		return t
	}
	panic(fmt.Sprintf("unknown type %T", c))
}
