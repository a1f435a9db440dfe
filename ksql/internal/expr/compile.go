package expr

import (
	"errors"
	"fmt"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/types"
)

// Scope finds columns. Index is the slot of the column in the rows that a program runs on.
type Scope interface {
	Column(source, name string) (index int, t types.Type, ok bool)
}

// SchemaScope is the scope of a schema whose columns have no source: a row is in the order of the schema.
type SchemaScope struct{ types.Schema }

// Column finds a column by its name.
func (s SchemaScope) Column(source, name string) (int, types.Type, bool) {
	i := -1
	if source == "" {
		i = s.Find(name)
	}
	if i < 0 {
		return 0, types.Type{}, false
	}
	return i, s.At(i).Type, true
}

// Context is what expressions are compiled against.
type Context struct {
	Scope     Scope
	Functions *function.Registry
	Env       function.Env
	// Type finds types made by CREATE TYPE; nil when there are none.
	Type func(name string) (types.Type, bool)
}

// Env is what a program runs on. It may be reused from row to row by one goroutine.
type Env struct {
	Row types.Row
	// OnError, if set, gets the errors of parts that are NULL for them while the whole goes on.
	OnError func(error)
	vars    []types.Value // parameters of lambdas
}

// Eval computes an expression on a row.
type Eval func(*Env) (types.Value, error)

// Program is a compiled expression.
type Program struct {
	Type types.Type
	Eval Eval
	// Const says that the expression has the same value on every row.
	Const bool
}

// Error is an expression that cannot be compiled.
type Error struct {
	Pos     ast.Pos
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Compile types and compiles an expression. Its errors are of type *Error.
func Compile(e ast.Expr, ctx Context) (*Program, error) {
	c := compiler{Context: ctx}
	n, err := c.compile(e)
	if err != nil {
		if ee, ok := errors.AsType[*Error](err); ok {
			return nil, ee
		}
		return nil, &Error{e.At(), err.Error()}
	}
	p := &Program{Type: n.t, Eval: n.eval, Const: n.constant}
	if c.maxVars > 0 {
		p.Eval = withVars(n.eval, c.maxVars)
	}
	return p, nil
}

// TypeOf types an expression.
func TypeOf(e ast.Expr, ctx Context) (types.Type, error) {
	p, err := Compile(e, ctx)
	if err != nil {
		return types.Type{}, err
	}
	return p.Type, nil
}

// ConstValue returns the value of an expression that does not depend on a row.
func ConstValue(e ast.Expr, ctx Context) (types.Value, types.Type, error) {
	ctx.Scope = SchemaScope{}
	p, err := Compile(e, ctx)
	if err != nil {
		return types.Null, types.Type{}, err
	}
	v, err := p.Eval(&Env{})
	return v, p.Type, err
}

// withVars gives the program room for the parameters of its lambdas.
func withVars(eval Eval, n int) Eval {
	return func(env *Env) (types.Value, error) {
		if len(env.vars) < n {
			env.vars = make([]types.Value, n)
		}
		return eval(env)
	}
}

// node is a compiled part of an expression.
type node struct {
	t        types.Type
	eval     Eval
	constant bool
	expr     ast.Expr
	literal  bool // a literal of the text, which may be read as another type
}

type lambdaVar struct {
	name string
	slot int
	t    types.Type
}

type compiler struct {
	Context
	vars    []lambdaVar
	maxVars int
}

func fail(at ast.Node, format string, args ...any) (node, error) {
	return node{}, &Error{at.At(), fmt.Sprintf(format, args...)}
}

// at gives err the place of the expression it speaks of, unless it has one.
func at(e ast.Node, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{e.At(), err.Error()}
}

func constant(e ast.Expr, v types.Value, t types.Type) node {
	return node{t: t, constant: true, expr: e, eval: func(*Env) (types.Value, error) { return v, nil }}
}

// value returns the value of a constant.
func (n node) value() (types.Value, error) { return n.eval(&Env{}) }

// fold replaces a node whose operands are constants by its value; one that fails stays, to fail on each row.
func fold(n node, operands ...node) node {
	for _, o := range operands {
		if !o.constant {
			return n
		}
	}
	v, err := n.value()
	if err != nil {
		return n
	}
	return constant(n.expr, v, n.t)
}

func (c *compiler) compile(e ast.Expr) (node, error) {
	switch e := e.(type) {
	case *ast.Literal:
		n := constant(e, e.Value, e.Type)
		n.literal = true
		return n, nil
	case *ast.ColumnRef:
		return c.column(e)
	case *ast.LambdaVar:
		return c.lambdaVar(e)
	case *ast.Unit:
		return constant(e, types.NewString(e.Unit.String()), types.IntervalUnit), nil
	case *ast.Arithmetic:
		return c.arithmetic(e)
	case *ast.Sign:
		return c.sign(e)
	case *ast.Comparison:
		return c.comparison(e)
	case *ast.Logical:
		return c.logical(e)
	case *ast.Not:
		return c.not(e)
	case *ast.IsNull:
		return c.isNull(e)
	case *ast.Between:
		return c.between(e)
	case *ast.In:
		return c.in(e)
	case *ast.Like:
		return c.like(e)
	case *ast.Case:
		return c.caseOf(e)
	case *ast.Cast:
		return c.cast(e)
	case *ast.Call:
		return c.call(e)
	case *ast.Subscript:
		return c.subscript(e)
	case *ast.Deref:
		return c.deref(e)
	case *ast.ArrayLit:
		return c.array(e)
	case *ast.MapLit:
		return c.mapOf(e)
	case *ast.StructLit:
		return c.structOf(e)
	case *ast.AtTimeZone:
		return c.atTimeZone(e)
	case *ast.Lambda:
		return fail(e, "Lambda expression found in an unexpected place: %s", e)
	}
	return fail(e, "Unsupported expression: %s", e)
}

func (c *compiler) compileAll(list []ast.Expr) ([]node, error) {
	out := make([]node, len(list))
	for i, e := range list {
		var err error
		if out[i], err = c.compile(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *compiler) column(e *ast.ColumnRef) (node, error) {
	index, t, ok := c.Scope.Column(e.Source, e.Name)
	if !ok {
		return fail(e, "Unknown column: %s", e)
	}
	return node{t: t, expr: e, eval: func(env *Env) (types.Value, error) { return env.Row[index], nil }}, nil
}

func (c *compiler) lambdaVar(e *ast.LambdaVar) (node, error) {
	for i := len(c.vars) - 1; i >= 0; i-- {
		if v := c.vars[i]; v.name == e.Name {
			return node{t: v.t, expr: e, eval: func(env *Env) (types.Value, error) { return env.vars[v.slot], nil }}, nil
		}
	}
	return fail(e, "Unknown lambda parameter: %s", e.Name)
}

func (c *compiler) cast(e *ast.Cast) (node, error) {
	x, err := c.compile(e.X)
	if err != nil {
		return node{}, err
	}
	to, err := e.Type.Resolve(c.Type)
	if err != nil {
		return node{}, at(e, err)
	}
	f, err := types.Cast(x.t, to)
	if err != nil {
		return node{}, at(e, err)
	}
	n := node{t: to, expr: e, eval: func(env *Env) (types.Value, error) {
		v, err := x.eval(env)
		if err != nil || v.IsNull() {
			return types.Null, err
		}
		return f(v)
	}}
	return fold(n, x), nil
}

// castTo makes n a node of type to; types that are equal or open stay.
func castTo(n node, to types.Type) (node, error) {
	switch to.Kind() {
	case types.KindAny, types.KindGeneric, types.KindLambda, types.KindUnit:
		return n, nil
	}
	if n.t.Equal(to) {
		return n, nil
	}
	if to.Kind() == types.KindDecimal && to.Precision() == 0 && n.t.Kind() == types.KindDecimal {
		return n, nil
	}
	if n.t.IsNull() {
		n.t = to
		return n, nil
	}
	f, err := types.Cast(n.t, to)
	if err != nil {
		return node{}, err
	}
	inner := n.eval
	out := node{t: to, expr: n.expr, eval: func(env *Env) (types.Value, error) {
		v, err := inner(env)
		if err != nil || v.IsNull() {
			return types.Null, err
		}
		return f(v)
	}}
	return fold(out, n), nil
}
