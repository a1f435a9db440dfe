package expr

import (
	"fmt"
	"strings"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/types"
)

// commonType finds the type that all nodes of a list can be brought to, from left to right: numbers widen, literals
// read as the type that stands before them. ok is false if all are NULL.
func commonType(nodes []node) (t types.Type, ok bool, err error) {
	for _, n := range nodes {
		if n.t.IsNull() {
			continue
		}
		if !ok {
			t, ok = n.t, true
			continue
		}
		if t, err = widen(t, n); err != nil {
			return t, false, err
		}
	}
	return t, ok, nil
}

// widen returns the type that both values of type t and n can have.
func widen(t types.Type, n node) (types.Type, error) {
	if lit, ok := stringLiteral(n); ok && t.Kind() != types.KindString {
		if wider, ok := numberOf(lit, t); ok {
			return wider, nil
		}
		if err := checkText(lit, t); err != nil {
			return t, err
		}
		return t, nil
	}
	if t.Kind() == types.KindString && n.literal {
		return t, nil
	}
	if u, ok, err := widenNested(t, n); ok || err != nil {
		return u, err
	}
	if u, ok := types.Common(t, n.t); ok {
		return u, nil
	}
	return t, mismatch(t, n)
}

// numberOf is the number type that holds t and the number that a text stands for, if t is one and it does.
func numberOf(text string, t types.Type) (types.Type, bool) {
	if !t.Kind().IsNumeric() {
		return t, false
	}
	for _, u := range []types.Type{types.Integer, types.Bigint} {
		if _, err := types.ParseText(text, u); err == nil {
			return types.Common(t, u)
		}
	}
	d, err := types.ParseDecimal(strings.TrimSpace(text))
	if err != nil || t.Kind() == types.KindDouble {
		return t, false
	}
	digits := strings.Trim(types.Text(d, types.AnyDecimal), "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	return types.Common(t, types.Decimal(max(1, len(strings.TrimLeft(whole, "0"))+len(fraction)), len(fraction)))
}

func mismatch(t types.Type, n node) error {
	return fmt.Errorf("operator does not exist: %s = %s (%s)\nHint: You might need to add explicit type casts.", t, n.t, n.expr)
}

func stringLiteral(n node) (string, bool) {
	l, ok := n.expr.(*ast.Literal)
	if !ok || l.Type.Kind() != types.KindString {
		return "", false
	}
	return l.Value.Str(), true
}

// checkText says why the text of a literal is no value of type t.
func checkText(s string, t types.Type) error {
	if t.Kind() == types.KindBoolean {
		if _, ok := types.ParseBoolean(s); !ok {
			return fmt.Errorf("invalid input syntax for type BOOLEAN: \"%s\".", s)
		}
		return nil
	}
	if t.Kind() == types.KindDecimal {
		if _, err := types.ParseDecimal(s); err != nil {
			return fmt.Errorf("invalid input syntax for type DECIMAL: \"%s\".", s)
		}
		return nil
	}
	if _, err := types.ParseText(s, t); err != nil {
		return fmt.Errorf("invalid input syntax for type %s: \"%s\".", t.Kind(), s)
	}
	return nil
}

// widenNested goes into the constructors of ARRAY, MAP and STRUCT, whose elements may be literals.
func widenNested(t types.Type, n node) (types.Type, bool, error) {
	switch e := n.expr.(type) {
	case *ast.ArrayLit:
		if t.Kind() != types.KindArray {
			return t, false, mismatch(t, n)
		}
		elem := t.Elem()
		for _, x := range e.Elems {
			u, err := widen(elem, elementOf(x, n.t.Elem()))
			if err != nil {
				return t, false, nested(t, n, err)
			}
			elem = u
		}
		return types.Array(elem), true, nil
	case *ast.MapLit:
		if t.Kind() != types.KindMap {
			return t, false, mismatch(t, n)
		}
		key, elem := t.Key(), t.Elem()
		for _, x := range e.Entries {
			var err error
			if key, err = widen(key, elementOf(x.Key, n.t.Key())); err != nil {
				return t, false, nested(t, n, err)
			}
			if elem, err = widen(elem, elementOf(x.Value, n.t.Elem())); err != nil {
				return t, false, nested(t, n, err)
			}
		}
		return types.Map(key, elem), true, nil
	case *ast.StructLit:
		if t.Kind() != types.KindStruct {
			return t, false, mismatch(t, n)
		}
		return widenStruct(t, n, e)
	}
	return t, false, nil
}

func widenStruct(t types.Type, n node, e *ast.StructLit) (types.Type, bool, error) {
	fields := append([]types.Field(nil), t.Fields()...)
	for _, x := range e.Fields {
		_, ft, _ := n.t.Field(x.Name)
		i, _, ok := t.Field(x.Name)
		if !ok {
			fields = append(fields, types.Field{Name: x.Name, Type: ft})
			continue
		}
		u, err := widen(fields[i].Type, elementOf(x.Value, ft))
		if err != nil {
			return t, false, nested(t, n, err)
		}
		fields[i].Type = u
	}
	return types.Struct(fields...), true, nil
}

// nested keeps the message about a bad literal and gives any other the types of the whole.
func nested(t types.Type, n node, err error) error {
	if len(err.Error()) > 7 && err.Error()[:7] == "invalid" {
		return err
	}
	return mismatch(t, n)
}

// elementOf is an element of a constructor, of which only type and text matter.
func elementOf(e ast.Expr, t types.Type) node {
	l, ok := e.(*ast.Literal)
	if ok {
		t = l.Type
	}
	return node{t: t, expr: e, literal: ok}
}

// coerceAll brings all nodes of a list to type t.
func coerceAll(nodes []node, t types.Type) ([]node, error) {
	out := make([]node, len(nodes))
	for i, n := range nodes {
		var err error
		if out[i], err = castTo(n, t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *compiler) in(e *ast.In) (node, error) {
	nodes, err := c.compileAll(append([]ast.Expr{e.X}, e.List...))
	if err != nil {
		return node{}, err
	}
	t, ok, err := commonType(nodes)
	if err != nil {
		return fail(e, "Invalid Predicate: %s", err)
	}
	if ok {
		if nodes, err = coerceAll(nodes, t); err != nil {
			return fail(e, "Invalid Predicate: %s", err)
		}
	}
	n := node{t: types.Boolean, expr: e, eval: inEval(nodes[0], nodes[1:])}
	if e.Not {
		n = negation(e, n)
	}
	return fold(n, nodes...), nil
}

// inEval looks constants up in a set and evaluates the rest one by one. NULL is in no list.
func inEval(x node, list []node) Eval {
	set := map[string]bool{}
	var rest []Eval
	for _, n := range list {
		v, err := types.Null, error(nil)
		if n.constant {
			v, err = n.value()
		}
		switch {
		case !n.constant || err != nil:
			rest = append(rest, n.eval)
		case !v.IsNull():
			set[string(types.AppendValue(nil, canonical(v)))] = true
		}
	}
	return func(env *Env) (types.Value, error) {
		v, err := x.eval(env)
		if err != nil || v.IsNull() {
			return valueFalse, err
		}
		var buf [64]byte
		if len(set) > 0 && set[string(types.AppendValue(buf[:0], canonical(v)))] {
			return valueTrue, nil
		}
		for _, eval := range rest {
			w, err := eval(env)
			if err != nil {
				return types.Null, err
			}
			if !w.IsNull() && types.Equal(v, w) {
				return valueTrue, nil
			}
		}
		return valueFalse, nil
	}
}

// canonical gives equal numbers the same bytes: -0.0 is 0.0.
func canonical(v types.Value) types.Value {
	if v.Kind() == types.KindDouble && v.Double() == 0 {
		return types.NewDouble(0)
	}
	return v
}

func (c *compiler) caseOf(e *ast.Case) (node, error) {
	conditions := make([]node, len(e.Whens))
	results := make([]ast.Expr, 0, len(e.Whens)+1)
	var err error
	for i, w := range e.Whens {
		if e.Operand != nil {
			conditions[i], err = c.comparison(&ast.Comparison{Pos: w.Pos, Op: types.OpEqual, L: e.Operand, R: w.If})
		} else {
			conditions[i], err = c.caseCondition(w)
		}
		if err != nil {
			return node{}, err
		}
		results = append(results, w.Then)
	}
	if e.Else != nil {
		results = append(results, e.Else)
	}
	nodes, err := c.compileAll(results)
	if err != nil {
		return node{}, err
	}
	t, ok, err := commonType(nodes)
	switch {
	case err != nil:
		return fail(e, "Invalid Case expression. %s", err)
	case !ok:
		return fail(e, "Invalid Case expression. All case branches have NULL type")
	}
	if nodes, err = coerceAll(nodes, t); err != nil {
		return fail(e, "Invalid Case expression. %s", err)
	}
	return node{t: t, expr: e, eval: caseEval(conditions, nodes)}, nil
}

func (c *compiler) caseCondition(w ast.When) (node, error) {
	n, err := c.compile(w.If)
	if err != nil {
		return node{}, err
	}
	if n.t.Kind() != types.KindBoolean && !n.t.IsNull() {
		return fail(w.If, "WHEN operand type should be boolean. Type for '%s' is %s", w.If, n.t)
	}
	return n, nil
}

// caseEval evaluates only the result of the branch that holds.
func caseEval(conditions, results []node) Eval {
	return func(env *Env) (types.Value, error) {
		for i := range conditions {
			v, err := conditions[i].eval(env)
			if err != nil {
				return types.Null, err
			}
			if !v.IsNull() && v.Boolean() {
				return results[i].eval(env)
			}
		}
		if len(results) > len(conditions) {
			return results[len(conditions)].eval(env)
		}
		return types.Null, nil
	}
}
