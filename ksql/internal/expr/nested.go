package expr

import (
	"strings"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/types"
)

const constructorIssue = "(see https://github.com/confluentinc/ksql/issues/4239)"

func (c *compiler) subscript(e *ast.Subscript) (node, error) {
	base, err := c.compile(e.Base)
	if err != nil {
		return node{}, err
	}
	index, err := c.compile(e.Index)
	if err != nil {
		return node{}, err
	}
	switch base.t.Kind() {
	case types.KindArray:
		if !isWhole(index.t) {
			return fail(e, "Array index must be INTEGER, but %s is %s", index.expr, index.t)
		}
		return fold(node{t: base.t.Elem(), expr: e, eval: arrayEval(base, index)}, base, index), nil
	case types.KindMap:
		if index, err = castTo(index, base.t.Key()); err != nil {
			return node{}, at(e, err)
		}
		return fold(node{t: base.t.Elem(), expr: e, eval: mapEval(base, index)}, base, index), nil
	}
	return fail(e, "Subscript expression do not apply to %s.", base.t)
}

// arrayEval counts from 1, and from the end below 0; NULL where there is no such element.
func arrayEval(base, index node) Eval {
	return func(env *Env) (types.Value, error) {
		a, err := base.eval(env)
		if err != nil || a.IsNull() {
			return types.Null, err
		}
		i, err := index.eval(env)
		if err != nil || i.IsNull() {
			return types.Null, err
		}
		elems, n := a.Array(), i.Bigint()
		if n > 0 {
			n--
		} else {
			n += int64(len(elems))
		}
		if n < 0 || n >= int64(len(elems)) {
			return types.Null, nil
		}
		return elems[n], nil
	}
}

func mapEval(base, key node) Eval {
	return func(env *Env) (types.Value, error) {
		m, err := base.eval(env)
		if err != nil || m.IsNull() {
			return types.Null, err
		}
		k, err := key.eval(env)
		if err != nil || k.IsNull() {
			return types.Null, err
		}
		v, _ := m.Map().Get(k)
		return v, nil
	}
}

func (c *compiler) deref(e *ast.Deref) (node, error) {
	base, err := c.compile(e.Base)
	if err != nil {
		return node{}, err
	}
	if base.t.Kind() != types.KindStruct {
		return fail(e, "Expected STRUCT type, got: %s", base.t)
	}
	i, t, ok := base.t.Field(e.Field)
	if !ok {
		return fail(e, "Could not find field '%s' in '%s'.", e.Field, e.Base)
	}
	n := node{t: t, expr: e, eval: func(env *Env) (types.Value, error) {
		v, err := base.eval(env)
		if err != nil || v.IsNull() {
			return types.Null, err
		}
		return v.Struct()[i], nil
	}}
	return fold(n, base), nil
}

func (c *compiler) array(e *ast.ArrayLit) (node, error) {
	if len(e.Elems) == 0 {
		return fail(e, "Array constructor cannot be empty. Please supply at least one element %s.", constructorIssue)
	}
	nodes, err := c.compileAll(e.Elems)
	if err != nil {
		return node{}, err
	}
	t, ok, err := commonType(nodes)
	switch {
	case err != nil:
		return node{}, at(e, err)
	case !ok:
		return fail(e, "Cannot construct an array with all NULL elements %s. As a workaround, you may cast a NULL value to the desired type.", constructorIssue)
	}
	if nodes, err = coerceAll(nodes, t); err != nil {
		return node{}, at(e, err)
	}
	n := node{t: types.Array(t), expr: e, eval: func(env *Env) (types.Value, error) {
		return types.NewArray(evalParts(nodes, env)), nil
	}}
	return fold(n, nodes...), nil
}

// evalParts evaluates the parts of a constructor: one that fails is NULL and does not take the others with it.
func evalParts(nodes []node, env *Env) []types.Value {
	values := make([]types.Value, len(nodes))
	for i := range nodes {
		v, err := nodes[i].eval(env)
		if err != nil {
			if env.OnError != nil {
				env.OnError(err)
			}
			v = types.Null
		}
		values[i] = v
	}
	return values
}

func evalAll(nodes []node, env *Env) ([]types.Value, error) {
	values := make([]types.Value, len(nodes))
	for i := range nodes {
		var err error
		if values[i], err = nodes[i].eval(env); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (c *compiler) mapOf(e *ast.MapLit) (node, error) {
	if len(e.Entries) == 0 {
		return fail(e, "Map constructor cannot be empty. Please supply at least one key value pair %s.", constructorIssue)
	}
	keys, values := make([]ast.Expr, len(e.Entries)), make([]ast.Expr, len(e.Entries))
	for i, entry := range e.Entries {
		keys[i], values[i] = entry.Key, entry.Value
	}
	k, kt, err := c.elements(e, keys, "keys")
	if err != nil {
		return node{}, err
	}
	v, vt, err := c.elements(e, values, "values")
	if err != nil {
		return node{}, err
	}
	n := node{t: types.Map(kt, vt), expr: e, eval: func(env *Env) (types.Value, error) {
		ks, vs := evalParts(k, env), evalParts(v, env)
		m := types.NewMapValue(len(ks))
		for i := range ks {
			m.Put(ks[i], vs[i])
		}
		return types.NewMap(m), nil
	}}
	return fold(n, append(k, v...)...), nil
}

func (c *compiler) elements(at_ ast.Node, list []ast.Expr, what string) ([]node, types.Type, error) {
	nodes, err := c.compileAll(list)
	if err != nil {
		return nil, types.Type{}, err
	}
	t, ok, err := commonType(nodes)
	if err != nil {
		return nil, t, at(at_, err)
	}
	if !ok {
		_, err := fail(at_, "Cannot construct a map with all NULL %s %s. As a workaround, you may cast a NULL value to the desired type.", what, constructorIssue)
		return nil, t, err
	}
	nodes, err = coerceAll(nodes, t)
	return nodes, t, at(at_, err)
}

func (c *compiler) structOf(e *ast.StructLit) (node, error) {
	fields := make([]types.Field, len(e.Fields))
	nodes := make([]node, len(e.Fields))
	seen := map[string]bool{}
	var duplicates []string
	for i, f := range e.Fields {
		n, err := c.compile(f.Value)
		if err != nil {
			return node{}, err
		}
		if seen[f.Name] {
			duplicates = append(duplicates, types.Quote(f.Name)+" "+n.t.String())
		}
		seen[f.Name] = true
		fields[i], nodes[i] = types.Field{Name: f.Name, Type: n.t}, n
	}
	if len(duplicates) > 0 {
		return fail(e, "Duplicate field names found in STRUCT: '%s'", strings.Join(duplicates, ", "))
	}
	n := node{t: types.Struct(fields...), expr: e, eval: func(env *Env) (types.Value, error) {
		return types.NewStruct(evalParts(nodes, env)), nil
	}}
	return fold(n, nodes...), nil
}
