package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/types"
)

var (
	valueTrue  = types.NewBoolean(true)
	valueFalse = types.NewBoolean(false)
)

func boolean(b bool) types.Value {
	if b {
		return valueTrue
	}
	return valueFalse
}

func (c *compiler) arithmetic(e *ast.Arithmetic) (node, error) {
	l, err := c.compile(e.L)
	if err != nil {
		return node{}, err
	}
	r, err := c.compile(e.R)
	if err != nil {
		return node{}, err
	}
	t, err := types.ArithmeticType(e.Op, l.t, r.t)
	if err != nil {
		return node{}, at(e, err)
	}
	n := node{t: t, expr: e, eval: arithmeticEval(e.Op, l, r, t)}
	return fold(n, l, r), nil
}

// arithmeticEval picks the closure of the result's kind, so that no row pays for the choice.
func arithmeticEval(op types.Op, l, r node, t types.Type) Eval {
	switch t.Kind() {
	case types.KindDouble:
		return func(env *Env) (types.Value, error) {
			a, err := l.eval(env)
			if err != nil || a.IsNull() {
				return types.Null, err
			}
			b, err := r.eval(env)
			if err != nil || b.IsNull() {
				return types.Null, err
			}
			return types.NewDouble(types.FloatArithmetic(op, a.Float64(), b.Float64())), nil
		}
	default:
		return func(env *Env) (types.Value, error) {
			a, err := l.eval(env)
			if err != nil || a.IsNull() {
				return types.Null, err
			}
			b, err := r.eval(env)
			if err != nil || b.IsNull() {
				return types.Null, err
			}
			return types.Arithmetic(op, a, b, t)
		}
	}
}

func (c *compiler) sign(e *ast.Sign) (node, error) {
	x, err := c.compile(e.X)
	if err != nil {
		return node{}, err
	}
	if !x.t.Kind().IsNumeric() {
		return fail(e, "Unsupported sign on type %s: %s", x.t, e)
	}
	if !e.Minus {
		return x, nil
	}
	n := node{t: x.t, expr: e, eval: func(env *Env) (types.Value, error) {
		v, err := x.eval(env)
		if err != nil || v.IsNull() {
			return types.Null, err
		}
		return types.Negate(v), nil
	}}
	return fold(n, x), nil
}

func (c *compiler) comparison(e *ast.Comparison) (node, error) {
	l, err := c.compile(e.L)
	if err != nil {
		return node{}, err
	}
	r, err := c.compile(e.R)
	if err != nil {
		return node{}, err
	}
	return compare(e, e.Op, l, r)
}

// compare types l op r and picks the closure of the operands' kinds.
func compare(e ast.Expr, op types.CompareOp, l, r node) (node, error) {
	if !types.Comparable(l.t, op, r.t) {
		return node{}, at(e, types.CompareError(l.expr.String(), l.t, op, r.expr.String(), r.t))
	}
	l, r, err := sameTime(l, r)
	if err != nil {
		return node{}, at(e, err)
	}
	n := node{t: types.Boolean, expr: e}
	switch {
	case op == types.OpDistinct || op == types.OpNotDistinct:
		n.eval = distinctEval(op, l, r)
	case isWhole(l.t) && isWhole(r.t):
		n.eval = compareEval(l, r, func(a, b types.Value) bool {
			x, y := a.Bigint(), b.Bigint()
			return holdsOrdered(op, x, y)
		})
	case l.t.Kind() == types.KindDouble && (isWhole(r.t) || r.t.Kind() == types.KindDouble),
		r.t.Kind() == types.KindDouble && isWhole(l.t):
		n.eval = compareEval(l, r, func(a, b types.Value) bool { return holdsOrdered(op, a.Float64(), b.Float64()) })
	case l.t.Kind() == types.KindString && r.t.Kind() == types.KindString && op == types.OpEqual:
		n.eval = compareEval(l, r, func(a, b types.Value) bool { return a.Str() == b.Str() })
	case op == types.OpEqual:
		n.eval = compareEval(l, r, func(a, b types.Value) bool { return types.Equal(a, b) })
	case op == types.OpNotEqual:
		n.eval = compareEval(l, r, func(a, b types.Value) bool { return !types.Equal(a, b) })
	default:
		n.eval = compareEval(l, r, func(a, b types.Value) bool { return op.Holds(types.Compare(a, b)) })
	}
	return fold(n, l, r), nil
}

func isWhole(t types.Type) bool { return t.Kind() == types.KindInteger || t.Kind() == types.KindBigint }

func holdsOrdered[T int64 | float64](op types.CompareOp, a, b T) bool {
	switch op {
	case types.OpEqual:
		return a == b
	case types.OpNotEqual:
		return a != b
	case types.OpLess:
		return a < b
	case types.OpLessEqual:
		return a <= b
	case types.OpGreater:
		return a > b
	}
	return a >= b
}

// sameTime reads text that is compared with a date or time as one, and brings DATE to TIMESTAMP where they meet.
func sameTime(l, r node) (node, node, error) {
	lk, rk := l.t.Kind(), r.t.Kind()
	var err error
	switch {
	case lk == types.KindString && rk.IsTime():
		l, err = castTo(l, r.t)
	case rk == types.KindString && lk.IsTime():
		r, err = castTo(r, l.t)
	case lk == types.KindDate && rk == types.KindTimestamp:
		l, err = castTo(l, r.t)
	case rk == types.KindDate && lk == types.KindTimestamp:
		r, err = castTo(r, l.t)
	}
	return l, r, err
}

// compareEval is false where a side is NULL.
func compareEval(l, r node, holds func(a, b types.Value) bool) Eval {
	return func(env *Env) (types.Value, error) {
		a, err := l.eval(env)
		if err != nil {
			return types.Null, err
		}
		b, err := r.eval(env)
		if err != nil {
			return types.Null, err
		}
		if a.IsNull() || b.IsNull() {
			return valueFalse, nil
		}
		return boolean(holds(a, b)), nil
	}
}

func distinctEval(op types.CompareOp, l, r node) Eval {
	return func(env *Env) (types.Value, error) {
		a, err := l.eval(env)
		if err != nil {
			return types.Null, err
		}
		b, err := r.eval(env)
		if err != nil {
			return types.Null, err
		}
		same := a.IsNull() && b.IsNull()
		if !a.IsNull() && !b.IsNull() {
			same = types.Equal(a, b)
		}
		return boolean(same == (op == types.OpNotDistinct)), nil
	}
}

// condition compiles an operand that has to be BOOLEAN.
func (c *compiler) condition(e ast.Expr) (node, error) {
	x, err := c.compile(e)
	if err != nil {
		return node{}, err
	}
	if x.t.Kind() != types.KindBoolean && !x.t.IsNull() {
		return fail(e, "Expected BOOLEAN but got %s: %s", x.t, e)
	}
	return x, nil
}

func (c *compiler) logical(e *ast.Logical) (node, error) {
	// A chain of the same operator is one loop: its depth does not grow with its length.
	parts, err := c.flatten(e, e.Or, nil)
	if err != nil {
		return node{}, err
	}
	evals := make([]Eval, len(parts))
	for i, p := range parts {
		evals[i] = p.eval
	}
	stop := e.Or
	n := node{t: types.Boolean, expr: e, eval: func(env *Env) (types.Value, error) {
		null := false
		for _, eval := range evals {
			v, err := eval(env)
			if err != nil {
				return types.Null, err
			}
			if v.IsNull() {
				null = true
			} else if v.Boolean() == stop {
				return boolean(stop), nil
			}
		}
		if null {
			return types.Null, nil
		}
		return boolean(!stop), nil
	}}
	return fold(n, parts...), nil
}

func (c *compiler) flatten(e ast.Expr, or bool, parts []node) ([]node, error) {
	var chain []ast.Expr
	for {
		l, ok := e.(*ast.Logical)
		if !ok || l.Or != or {
			chain = append(chain, e)
			break
		}
		chain = append(chain, l.R)
		e = l.L
	}
	for i := len(chain) - 1; i >= 0; i-- {
		if l, ok := chain[i].(*ast.Logical); ok && l.Or == or {
			var err error
			if parts, err = c.flatten(l, or, parts); err != nil {
				return nil, err
			}
			continue
		}
		n, err := c.condition(chain[i])
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
	}
	return parts, nil
}

func (c *compiler) not(e *ast.Not) (node, error) {
	x, err := c.condition(e.X)
	if err != nil {
		return node{}, err
	}
	return fold(negation(e, x), x), nil
}

func negation(e ast.Expr, x node) node {
	return node{t: types.Boolean, expr: e, eval: func(env *Env) (types.Value, error) {
		v, err := x.eval(env)
		if err != nil || v.IsNull() {
			return types.Null, err
		}
		return boolean(!v.Boolean()), nil
	}}
}

func (c *compiler) isNull(e *ast.IsNull) (node, error) {
	x, err := c.compile(e.X)
	if err != nil {
		return node{}, err
	}
	want := !e.Not
	n := node{t: types.Boolean, expr: e, eval: func(env *Env) (types.Value, error) {
		v, err := x.eval(env)
		if err != nil {
			return types.Null, err
		}
		return boolean(v.IsNull() == want), nil
	}}
	return fold(n, x), nil
}

// between is X >= Low AND X <= High; with a NULL among them it is false, and so is its NOT's inside.
func (c *compiler) between(e *ast.Between) (node, error) {
	parts, err := c.compileAll([]ast.Expr{e.X, e.Low, e.High})
	if err != nil {
		return node{}, err
	}
	low, err := compare(&ast.Comparison{Pos: e.Pos, Op: types.OpGreaterEqual, L: e.X, R: e.Low}, types.OpGreaterEqual, parts[0], parts[1])
	if err != nil {
		return node{}, err
	}
	high, err := compare(&ast.Comparison{Pos: e.Pos, Op: types.OpLessEqual, L: e.X, R: e.High}, types.OpLessEqual, parts[0], parts[2])
	if err != nil {
		return node{}, err
	}
	n := node{t: types.Boolean, expr: e, eval: func(env *Env) (types.Value, error) {
		v, err := low.eval(env)
		if err != nil || !v.Boolean() {
			return v, err
		}
		return high.eval(env)
	}}
	if e.Not {
		n = negation(e, n)
	}
	return fold(n, parts...), nil
}

func (c *compiler) like(e *ast.Like) (node, error) {
	x, err := c.compile(e.X)
	if err != nil {
		return node{}, err
	}
	p, err := c.compile(e.Pattern)
	if err != nil {
		return node{}, err
	}
	for _, o := range []node{x, p} {
		if o.t.Kind() != types.KindString && !o.t.IsNull() {
			return fail(e, "LIKE needs STRING operands, but %s is %s", o.expr, o.t)
		}
	}
	escape := rune(-1)
	if e.Escape != "" {
		escape, _ = utf8.DecodeRuneInString(e.Escape)
	}
	n := node{t: types.Boolean, expr: e, eval: likeEval(x, p, escape)}
	if e.Not {
		n = negation(e, n)
	}
	return fold(n, x, p), nil
}

func likeEval(x, p node, escape rune) Eval {
	if p.constant {
		if v, err := p.value(); err == nil && !v.IsNull() {
			match := likeMatcher(v.Str(), escape)
			return func(env *Env) (types.Value, error) {
				s, err := x.eval(env)
				if err != nil {
					return types.Null, err
				}
				return boolean(!s.IsNull() && match(s.Str())), nil
			}
		}
	}
	return func(env *Env) (types.Value, error) {
		s, err := x.eval(env)
		if err != nil {
			return types.Null, err
		}
		pattern, err := p.eval(env)
		if err != nil {
			return types.Null, err
		}
		if s.IsNull() || pattern.IsNull() {
			return valueFalse, nil
		}
		return boolean(likeMatcher(pattern.Str(), escape)(s.Str())), nil
	}
}

// likeToken is a piece of a LIKE pattern: text, one character, or any run.
type likeToken struct {
	text string
	kind byte // 't', '_' or '%'
}

func likeMatcher(pattern string, escape rune) func(string) bool {
	var tokens []likeToken
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			tokens = append(tokens, likeToken{lit.String(), 't'})
			lit.Reset()
		}
	}
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			lit.WriteRune(r)
			escaped = false
		case r == escape:
			escaped = true
		case r == '%':
			flush()
			if len(tokens) == 0 || tokens[len(tokens)-1].kind != '%' {
				tokens = append(tokens, likeToken{kind: '%'})
			}
		case r == '_':
			flush()
			tokens = append(tokens, likeToken{kind: '_'})
		default:
			lit.WriteRune(r)
		}
	}
	flush()
	return func(s string) bool { return likeMatch(tokens, s) }
}

// likeMatch walks tokens and text once, going back to the last % only: it never branches, so its time is bounded by
// the product of both lengths.
func likeMatch(tokens []likeToken, s string) bool {
	t, i := 0, 0
	backT, backI := -1, 0
	for {
		if t < len(tokens) {
			switch tok := tokens[t]; tok.kind {
			case '%':
				backT, backI = t, i
				t++
				continue
			case '_':
				if i < len(s) {
					_, size := utf8.DecodeRuneInString(s[i:])
					t, i = t+1, i+size
					continue
				}
			default:
				if strings.HasPrefix(s[i:], tok.text) {
					t, i = t+1, i+len(tok.text)
					continue
				}
			}
		} else if i == len(s) {
			return true
		}
		if backT < 0 || backI >= len(s) {
			return false
		}
		_, size := utf8.DecodeRuneInString(s[backI:])
		backI += size
		t, i = backT+1, backI
	}
}
