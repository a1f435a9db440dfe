package expr

import (
	"fmt"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/types"
)

func (c *compiler) call(e *ast.Call) (node, error) {
	class, ok := c.Functions.Class(e.Name)
	switch {
	case !ok:
		return node{}, at(e, c.Functions.UnknownError(e.Name))
	case class == function.AggregateFunction:
		return fail(e, "Aggregate function %s is not allowed here: %s", e.Name, e)
	case class == function.TableFunction:
		return fail(e, "Table function %s is not allowed here: %s", e.Name, e)
	}
	nodes, args, err := c.arguments(e.Args)
	if err != nil {
		return node{}, err
	}
	call, err := c.Functions.ResolveScalar(e.Name, args)
	if err != nil {
		return node{}, at(e, err)
	}
	for i := range nodes {
		if lambda, ok := e.Args[i].(*ast.Lambda); ok {
			nodes[i], err = c.lambda(lambda, call.Args[i])
		} else {
			nodes[i], err = castTo(nodes[i], call.Args[i])
		}
		if err != nil {
			return node{}, at(e, err)
		}
	}
	eval, err := call.Bind(c.Env)
	if err != nil {
		return node{}, at(e, err)
	}
	n := node{t: call.Type, expr: e, eval: callEval(nodes, eval)}
	if call.Def.Volatile {
		return n, nil
	}
	return fold(n, nodes...), nil
}

// callEval evaluates the arguments into a slice of the call's own for up to four arguments: programs of one
// goroutine's rows must not share it, so it lives on the stack.
func callEval(nodes []node, eval function.Eval) Eval {
	if len(nodes) <= 4 {
		return func(env *Env) (types.Value, error) {
			var buf [4]types.Value
			args := buf[:len(nodes)]
			for i := range nodes {
				var err error
				if args[i], err = nodes[i].eval(env); err != nil {
					return types.Null, err
				}
			}
			return eval(args)
		}
	}
	return func(env *Env) (types.Value, error) {
		args, err := evalAll(nodes, env)
		if err != nil {
			return types.Null, err
		}
		return eval(args)
	}
}

// arguments compiles the arguments of a call; lambdas are left to the overload that is picked.
func (c *compiler) arguments(list []ast.Expr) ([]node, []function.Arg, error) {
	nodes := make([]node, len(list))
	args := make([]function.Arg, len(list))
	for i, e := range list {
		args[i].Text = e.String()
		if lambda, ok := e.(*ast.Lambda); ok {
			args[i].LambdaParams = len(lambda.Params)
			args[i].Type = types.Lambda(types.Any, make([]types.Type, len(lambda.Params))...)
			args[i].Lambda = func(params []types.Type) (types.Type, error) {
				n, err := c.lambdaBody(lambda, params)
				return n.t, err
			}
			continue
		}
		n, err := c.compile(e)
		if err != nil {
			return nil, nil, err
		}
		nodes[i] = n
		args[i].Type = n.t
		if n.constant {
			if v, err := n.value(); err == nil {
				args[i].Const = &v
			}
		}
	}
	return nodes, args, nil
}

// lambdaBody compiles the body of a lambda for the given parameter types.
func (c *compiler) lambdaBody(e *ast.Lambda, params []types.Type) (node, error) {
	if len(params) != len(e.Params) {
		return fail(e, "Was expecting %d arguments but found %d in the lambda expression: %s", len(params), len(e.Params), e)
	}
	base := len(c.vars)
	for i, name := range e.Params {
		c.vars = append(c.vars, lambdaVar{name, base + i, params[i]})
	}
	c.maxVars = max(c.maxVars, len(c.vars))
	n, err := c.compile(e.Body)
	c.vars = c.vars[:base]
	return n, err
}

// lambda compiles a lambda argument for the type that its overload gives it. The function value captures the row.
func (c *compiler) lambda(e *ast.Lambda, t types.Type) (node, error) {
	if t.Kind() != types.KindLambda {
		return fail(e, "Lambda expression found where %s is expected: %s", t, e)
	}
	base := len(c.vars)
	body, err := c.lambdaBody(e, t.Params())
	if err != nil {
		return node{}, err
	}
	if body, err = castTo(body, t.Result()); err != nil {
		return node{}, at(e, err)
	}
	count := len(e.Params)
	return node{t: t, expr: e, eval: func(env *Env) (types.Value, error) {
		return types.NewLambda(func(args ...types.Value) (types.Value, error) {
			if len(args) != count {
				return types.Null, fmt.Errorf("lambda %s was called with %d arguments", e, len(args))
			}
			copy(env.vars[base:], args)
			return body.eval(env)
		}), nil
	}}, nil
}

// atTimeZone is X AT TIME ZONE Zone: the wall clock of the zone at that instant, as CONVERT_TZ from UTC.
func (c *compiler) atTimeZone(e *ast.AtTimeZone) (node, error) {
	utc := &ast.Literal{Pos: e.Pos, Value: types.NewString("UTC"), Type: types.String}
	n, err := c.call(&ast.Call{Pos: e.Pos, Name: "CONVERT_TZ", Args: []ast.Expr{e.X, utc, e.Zone}})
	n.expr = e
	return n, err
}

// Arguments types the arguments of an aggregate or table function for the registry.
func Arguments(list []ast.Expr, ctx Context) ([]function.Arg, error) {
	c := compiler{Context: ctx}
	_, args, err := c.arguments(list)
	return args, err
}

// CompileAs compiles an expression and casts its result to a type, as the argument of a function is.
func CompileAs(e ast.Expr, to types.Type, ctx Context) (*Program, error) {
	c := compiler{Context: ctx}
	n, err := c.compile(e)
	if err == nil {
		n, err = castTo(n, to)
	}
	if err != nil {
		return nil, at(e, err)
	}
	p := &Program{Type: n.t, Eval: n.eval, Const: n.constant}
	if c.maxVars > 0 {
		p.Eval = withVars(n.eval, c.maxVars)
	}
	return p, nil
}
