package ast

// Children calls f for each direct operand of e, in the order of the text.
func Children(e Expr, f func(Expr)) {
	switch e := e.(type) {
	case *Arithmetic:
		each(f, e.L, e.R)
	case *Sign:
		f(e.X)
	case *Comparison:
		each(f, e.L, e.R)
	case *Logical:
		each(f, e.L, e.R)
	case *Not:
		f(e.X)
	case *IsNull:
		f(e.X)
	case *Between:
		each(f, e.X, e.Low, e.High)
	case *In:
		f(e.X)
		each(f, e.List...)
	case *Like:
		each(f, e.X, e.Pattern)
	case *Case:
		each(f, e.Operand)
		for _, w := range e.Whens {
			each(f, w.If, w.Then)
		}
		each(f, e.Else)
	case *Cast:
		f(e.X)
	case *Call:
		each(f, e.Args...)
	case *Subscript:
		each(f, e.Base, e.Index)
	case *Deref:
		f(e.Base)
	case *ArrayLit:
		each(f, e.Elems...)
	case *MapLit:
		for _, m := range e.Entries {
			each(f, m.Key, m.Value)
		}
	case *StructLit:
		for _, s := range e.Fields {
			f(s.Value)
		}
	case *Lambda:
		f(e.Body)
	case *AtTimeZone:
		each(f, e.X, e.Zone)
	}
}

func each(f func(Expr), list ...Expr) {
	for _, e := range list {
		if e != nil {
			f(e)
		}
	}
}

// Walk visits e and everything inside, parents first; f returns false to skip what is inside.
func Walk(e Expr, f func(Expr) bool) {
	if e == nil || !f(e) {
		return
	}
	Children(e, func(c Expr) { Walk(c, f) })
}

// Rewrite returns e with every part replaced by what f returns for it; f is called for the whole first and returns
// nil to go inside. Nodes that do not change are shared with e.
func Rewrite(e Expr, f func(Expr) Expr) Expr {
	if e == nil {
		return nil
	}
	if r := f(e); r != nil {
		return r
	}
	re := func(x Expr) Expr { return Rewrite(x, f) }
	switch e := e.(type) {
	case *Arithmetic:
		c := *e
		c.L, c.R = re(e.L), re(e.R)
		return &c
	case *Sign:
		c := *e
		c.X = re(e.X)
		return &c
	case *Comparison:
		c := *e
		c.L, c.R = re(e.L), re(e.R)
		return &c
	case *Logical:
		c := *e
		c.L, c.R = re(e.L), re(e.R)
		return &c
	case *Not:
		c := *e
		c.X = re(e.X)
		return &c
	case *IsNull:
		c := *e
		c.X = re(e.X)
		return &c
	case *Between:
		c := *e
		c.X, c.Low, c.High = re(e.X), re(e.Low), re(e.High)
		return &c
	case *In:
		c := *e
		c.X, c.List = re(e.X), rewriteAll(e.List, re)
		return &c
	case *Like:
		c := *e
		c.X, c.Pattern = re(e.X), re(e.Pattern)
		return &c
	case *Case:
		c := *e
		c.Operand, c.Else = re(e.Operand), re(e.Else)
		c.Whens = make([]When, len(e.Whens))
		for i, w := range e.Whens {
			c.Whens[i] = When{w.Pos, re(w.If), re(w.Then)}
		}
		return &c
	}
	return rewritePrimary(e, re)
}

func rewritePrimary(e Expr, re func(Expr) Expr) Expr {
	switch e := e.(type) {
	case *Cast:
		c := *e
		c.X = re(e.X)
		return &c
	case *Call:
		c := *e
		c.Args = rewriteAll(e.Args, re)
		return &c
	case *Subscript:
		c := *e
		c.Base, c.Index = re(e.Base), re(e.Index)
		return &c
	case *Deref:
		c := *e
		c.Base = re(e.Base)
		return &c
	case *ArrayLit:
		c := *e
		c.Elems = rewriteAll(e.Elems, re)
		return &c
	case *MapLit:
		c := *e
		c.Entries = make([]MapEntry, len(e.Entries))
		for i, m := range e.Entries {
			c.Entries[i] = MapEntry{re(m.Key), re(m.Value)}
		}
		return &c
	case *StructLit:
		c := *e
		c.Fields = make([]StructField, len(e.Fields))
		for i, s := range e.Fields {
			c.Fields[i] = StructField{s.Name, re(s.Value)}
		}
		return &c
	case *Lambda:
		c := *e
		c.Body = re(e.Body)
		return &c
	case *AtTimeZone:
		c := *e
		c.X, c.Zone = re(e.X), re(e.Zone)
		return &c
	}
	return e
}

func rewriteAll(list []Expr, re func(Expr) Expr) []Expr {
	if list == nil {
		return nil
	}
	out := make([]Expr, len(list))
	for i, e := range list {
		out[i] = re(e)
	}
	return out
}

// Same reports whether two expressions are the same apart from positions; nil is the same as nil only.
func Same(a, b Expr) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.String() == b.String()
}

// Tables calls f for each source of a relation, from left to right.
func Tables(r Relation, f func(*Table)) {
	switch r := r.(type) {
	case *Table:
		f(r)
	case *Join:
		Tables(r.Left, f)
		Tables(r.Right, f)
	}
}
