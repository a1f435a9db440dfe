package function

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

// ResolveScalar picks the overload of a scalar function for the arguments. Overloads that fit without a conversion come before
// those that need one; among several that fit, the one that is most specific wins, and none if that is no single one.
func (r *Registry) ResolveScalar(name string, args []Arg) (*ScalarCall, error) {
	list := r.scalars[strings.ToUpper(name)]
	if list == nil {
		return nil, r.UnknownError(name)
	}
	m, i, err := resolve(list[0].Name, args, len(list), func(i int) []Param { return list[i].Args })
	if err != nil {
		return nil, err
	}
	def := list[i]
	call := &ScalarCall{Def: def, Args: m.args, Type: m.substitute(def.Type)}
	if def.TypeOf != nil {
		if call.Type, err = def.TypeOf(m.args); err != nil {
			return nil, err
		}
	}
	return call, nil
}

// ResolveAggregate picks the overload of an aggregate function for the arguments, constants included.
func (r *Registry) ResolveAggregate(name string, args []Arg) (*AggregateCall, error) {
	list := r.aggregates[strings.ToUpper(name)]
	if list == nil {
		return nil, r.UnknownError(name)
	}
	m, i, err := resolve(list[0].Name, args, len(list), func(i int) []Param { return slices.Concat(list[i].Args, list[i].Init) })
	if err != nil {
		return nil, err
	}
	def := list[i]
	call := &AggregateCall{Def: def}
	columns := len(args) - len(def.Init)
	for j, a := range args[columns:] {
		if a.Const == nil {
			return nil, fmt.Errorf("Parameter %d passed to function %s must be a literal constant, but was expression: '%s'",
				columns+j+1, strings.ToUpper(name), a.Text)
		}
		v, err := types.Coerce(*a.Const, a.Type, m.args[columns+j])
		if err != nil {
			return nil, err
		}
		call.Init = append(call.Init, v)
	}
	call.Args = m.args[:columns]
	bound, err := def.Bind(Binding{Args: call.Args, Type: m.substitute(def.Type)}, call.Init)
	if err != nil {
		return nil, err
	}
	call.Type = bound.Type
	return call, nil
}

// ResolveTable picks the overload of a table function for the arguments.
func (r *Registry) ResolveTable(name string, args []Arg) (*TableCall, error) {
	list := r.tables[strings.ToUpper(name)]
	if list == nil {
		return nil, r.UnknownError(name)
	}
	m, i, err := resolve(list[0].Name, args, len(list), func(i int) []Param { return list[i].Args })
	if err != nil {
		return nil, err
	}
	call := &TableCall{Def: list[i], Args: m.args, Type: m.substitute(list[i].Type)}
	if list[i].TypeOf != nil {
		call.Type, err = list[i].TypeOf(m.args)
	}
	return call, err
}

func resolve(name string, args []Arg, n int, params func(int) []Param) (*match, int, error) {
	for _, implicit := range []bool{false, true} {
		var best *match
		at, ties := 0, 0
		for i := range n {
			m, err := tryMatch(params(i), args, implicit)
			if err != nil {
				return nil, 0, err
			}
			if m == nil {
				continue
			}
			c := 1
			if best != nil {
				c = m.compare(best)
			}
			switch {
			case c > 0:
				best, at, ties = m, i, 0
			case c == 0:
				ties++
			}
		}
		if best != nil && ties > 0 {
			return nil, 0, fmt.Errorf("Function '%s' cannot be resolved due to ambiguous method parameters %s.\n%s", name, describe(args), alternatives(name, n, params))
		}
		if best != nil {
			return best, at, nil
		}
	}
	return nil, 0, fmt.Errorf("Function '%s' does not accept parameters %s.\n%s", name, describe(args), alternatives(name, n, params))
}

func describe(args []Arg) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = a.Type.String()
		if a.Lambda != nil {
			parts[i] = "LAMBDA"
		}
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

func alternatives(name string, n int, params func(int) []Param) string {
	list := make([]string, n)
	for i := range list {
		list[i] = signature(name, params(i))
	}
	slices.Sort(list)
	return "Valid alternatives are:\n" + strings.Join(list, "\n") + "\nFor detailed information on a function run: DESCRIBE FUNCTION <Function-Name>;"
}

// match is an overload that takes the arguments.
type match struct {
	args     []types.Type // converted types of the arguments
	bound    map[string]types.Type
	variadic int // position of the variadic parameter, -1 without
	fixed    int // parameters that are not variadic
	generics int // parameters that are type variables
	any      bool
	nulls    int // NULL arguments that a type variable takes
}

// compare orders matches: positive if m is the better one.
func (m *match) compare(o *match) int {
	isVariadic := func(m *match) int {
		if m.variadic >= 0 {
			return 1
		}
		return 0
	}
	anys := func(m *match) int {
		if m.any {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(o.nulls, m.nulls), cmp.Compare(isVariadic(o), isVariadic(m)), cmp.Compare(m.fixed, o.fixed),
		cmp.Compare(o.generics, m.generics), cmp.Compare(anys(o), anys(m)), cmp.Compare(m.variadic, o.variadic),
	)
}

// tryMatch returns nil if the parameters do not take the arguments. An error is that of a lambda's body.
func tryMatch(params []Param, args []Arg, implicit bool) (*match, error) {
	m := &match{bound: make(map[string]types.Type), variadic: slices.IndexFunc(params, func(p Param) bool { return p.Variadic })}
	m.fixed = len(params)
	formal := params
	if m.variadic >= 0 {
		m.fixed--
		extra := len(args) - m.fixed
		if extra < 0 {
			return nil, nil
		}
		formal = slices.Concat(params[:m.variadic], slices.Repeat(params[m.variadic:m.variadic+1], extra), params[m.variadic+1:])
	}
	if len(formal) != len(args) {
		return nil, nil
	}
	for i, p := range formal {
		if p.Type.Kind() == types.KindLambda != (args[i].Lambda != nil) {
			return nil, nil
		}
		if args[i].Lambda == nil && !m.accept(p.Type, args[i].Type, implicit) && !(implicit && isText(args[i], p.Type)) {
			return nil, nil
		}
	}
	return m.finish(formal, args)
}

// isText reports whether an argument is a string literal that can be read as the date, time or bytes that a parameter wants.
func isText(a Arg, p types.Type) bool {
	if a.Const == nil || a.Type.Kind() != types.KindString || !p.Kind().IsTime() && p.Kind() != types.KindBytes {
		return false
	}
	_, err := types.ParseText(a.Const.Str(), p)
	return err == nil
}

// finish types the lambdas, whose parameters the other arguments have bound, and computes the types to convert to.
func (m *match) finish(formal []Param, args []Arg) (*match, error) {
	for i, p := range formal {
		if args[i].Lambda == nil {
			m.args = append(m.args, m.target(p.Type, args[i].Type))
			continue
		}
		if len(p.Type.Params()) != args[i].LambdaParams {
			return nil, nil
		}
		ins := make([]types.Type, len(p.Type.Params()))
		for j, t := range p.Type.Params() {
			ins[j] = m.substitute(t)
		}
		out, err := args[i].Lambda(ins)
		if err != nil {
			return nil, err
		}
		if !m.accept(p.Type.Result(), out, true) {
			return nil, nil
		}
		m.args = append(m.args, types.Lambda(m.substitute(p.Type.Result()), ins...))
	}
	return m, nil
}

// accept reports whether a parameter takes an argument and binds its type variables.
func (m *match) accept(p, a types.Type, implicit bool) bool {
	switch p.Kind() {
	case types.KindGeneric:
		m.generics++
		if a.IsNull() {
			m.nulls++
		}
		return m.bind(p.Name(), a, implicit)
	case types.KindAny:
		m.any = true
		return true
	case types.KindUnit:
		return a.Kind() == types.KindUnit
	}
	if a.Kind() == types.KindUnit {
		return false
	}
	switch {
	case a.IsNull():
		return true
	case p.Kind() == types.KindArray && a.Kind() == types.KindArray:
		return m.accept(p.Elem(), a.Elem(), implicit)
	case p.Kind() == types.KindMap && a.Kind() == types.KindMap:
		return m.accept(p.Key(), a.Key(), implicit) && m.accept(p.Elem(), a.Elem(), implicit)
	case p.Kind() == types.KindDecimal && p.Precision() == 0:
		return a.Kind() == types.KindDecimal || implicit && (a.Kind() == types.KindInteger || a.Kind() == types.KindBigint)
	case p.Equal(a):
		return true
	}
	return implicit && types.FitsInto(a, p)
}

func (m *match) bind(name string, t types.Type, implicit bool) bool {
	old, ok := m.bound[name]
	switch {
	case !ok || old.IsNull():
		m.bound[name] = t
		return true
	case t.IsNull() || old.Equal(t):
		return true
	case !implicit:
		return false
	}
	common, ok := types.Common(old, t)
	if ok {
		m.bound[name] = common
	}
	return ok
}

// target returns the type that an argument must be converted to.
func (m *match) target(p, a types.Type) types.Type {
	switch {
	case p.Kind() == types.KindAny:
		return a
	case p.Kind() == types.KindDecimal && p.Precision() == 0:
		return types.DecimalType(a)
	case p.Kind() == types.KindArray && a.Kind() == types.KindArray:
		return types.Array(m.target(p.Elem(), a.Elem()))
	}
	return m.substitute(p)
}

// substitute replaces the type variables in a type; those that nothing has bound become NULL.
func (m *match) substitute(t types.Type) types.Type {
	switch t.Kind() {
	case types.KindGeneric:
		return m.bound[t.Name()]
	case types.KindArray:
		return types.Array(m.substitute(t.Elem()))
	case types.KindMap:
		return types.Map(m.substitute(t.Key()), m.substitute(t.Elem()))
	case types.KindStruct:
		fields := slices.Clone(t.Fields())
		for i := range fields {
			fields[i].Type = m.substitute(fields[i].Type)
		}
		return types.Struct(fields...)
	}
	return t
}
