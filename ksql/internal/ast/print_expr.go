package ast

import (
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

// QuoteName writes a name as SQL text, in back-quotes if it would otherwise change its case or be a keyword.
func QuoteName(name string) string {
	if types.IsPlainName(name) && !reservedWords[name] {
		return name
	}
	return types.Quote(name)
}

// QuoteString writes a string literal.
func QuoteString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func text(e Expr) string {
	var b strings.Builder
	write(&b, e)
	return b.String()
}

func (e *Literal) String() string    { return text(e) }
func (e *ColumnRef) String() string  { return text(e) }
func (e *LambdaVar) String() string  { return text(e) }
func (e *Arithmetic) String() string { return text(e) }
func (e *Sign) String() string       { return text(e) }
func (e *Comparison) String() string { return text(e) }
func (e *Logical) String() string    { return text(e) }
func (e *Not) String() string        { return text(e) }
func (e *IsNull) String() string     { return text(e) }
func (e *Between) String() string    { return text(e) }
func (e *In) String() string         { return text(e) }
func (e *Like) String() string       { return text(e) }
func (e *Case) String() string       { return text(e) }
func (e *Cast) String() string       { return text(e) }
func (e *Call) String() string       { return text(e) }
func (e *Subscript) String() string  { return text(e) }
func (e *Deref) String() string      { return text(e) }
func (e *ArrayLit) String() string   { return text(e) }
func (e *MapLit) String() string     { return text(e) }
func (e *StructLit) String() string  { return text(e) }
func (e *Lambda) String() string     { return text(e) }
func (e *Unit) String() string       { return text(e) }
func (e *AtTimeZone) String() string { return text(e) }

// write appends the canonical text: every operator in parentheses, so that precedence needs no thought.
func write(b *strings.Builder, e Expr) {
	switch e := e.(type) {
	case *Literal:
		writeLiteral(b, e)
	case *ColumnRef:
		if e.Source != "" {
			b.WriteString(QuoteName(e.Source) + ".")
		}
		b.WriteString(QuoteName(e.Name))
	case *LambdaVar:
		b.WriteString(QuoteName(e.Name))
	case *Unit:
		b.WriteString(e.Unit.String())
	case *Arithmetic:
		writeParts(b, "(", e.L, " "+e.Op.String()+" ", e.R, ")")
	case *Comparison:
		writeParts(b, "(", e.L, " "+e.Op.String()+" ", e.R, ")")
	case *Logical:
		op := " AND "
		if e.Or {
			op = " OR "
		}
		writeParts(b, "(", e.L, op, e.R, ")")
	case *Sign:
		writeSign(b, e)
	case *Not:
		writeParts(b, "(NOT ", e.X, ")")
	case *IsNull:
		writeParts(b, "(", e.X, " IS "+not(e.Not)+"NULL)")
	case *Between:
		writeParts(b, "(", e.X, " "+not(e.Not)+"BETWEEN ", e.Low, " AND ", e.High, ")")
	case *In:
		writeParts(b, "(", e.X, " "+not(e.Not)+"IN (")
		writeList(b, e.List)
		b.WriteString("))")
	case *Like:
		writeParts(b, "(", e.X, " "+not(e.Not)+"LIKE ", e.Pattern)
		if e.Escape != "" {
			b.WriteString(" ESCAPE " + QuoteString(e.Escape))
		}
		b.WriteByte(')')
	case *Case:
		writeCase(b, e)
	case *AtTimeZone:
		writeParts(b, "(", e.X, " AT TIME ZONE ", e.Zone, ")")
	default:
		writePrimary(b, e)
	}
}

func writePrimary(b *strings.Builder, e Expr) {
	switch e := e.(type) {
	case *Cast:
		writeParts(b, "CAST(", e.X, " AS "+e.Type.String()+")")
	case *Call:
		b.WriteString(QuoteName(e.Name) + "(")
		if e.Star {
			b.WriteByte('*')
		}
		writeList(b, e.Args)
		b.WriteByte(')')
	case *Subscript:
		writeBase(b, e.Base)
		writeParts(b, "[", e.Index, "]")
	case *Deref:
		writeBase(b, e.Base)
		b.WriteString("->" + QuoteName(e.Field))
	case *ArrayLit:
		b.WriteString("ARRAY[")
		writeList(b, e.Elems)
		b.WriteByte(']')
	case *MapLit:
		b.WriteString("MAP(")
		for i, m := range e.Entries {
			comma(b, i)
			writeParts(b, m.Key, ":=", m.Value)
		}
		b.WriteByte(')')
	case *StructLit:
		b.WriteString("STRUCT(")
		for i, f := range e.Fields {
			comma(b, i)
			writeParts(b, QuoteName(f.Name)+":=", f.Value)
		}
		b.WriteByte(')')
	case *Lambda:
		names := make([]string, len(e.Params))
		for i, p := range e.Params {
			names[i] = QuoteName(p)
		}
		writeParts(b, "("+strings.Join(names, ", ")+") => ", e.Body)
	}
}

func comma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(", ")
	}
}

func not(n bool) string {
	if n {
		return "NOT "
	}
	return ""
}

func writeParts(b *strings.Builder, parts ...any) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case Expr:
			write(b, p)
		}
	}
}

func writeList(b *strings.Builder, list []Expr) {
	for i, e := range list {
		comma(b, i)
		write(b, e)
	}
}

// writeSign keeps the sign apart from numbers and other signs: -(5) is a sign, -5 is a literal, --5 a comment.
func writeSign(b *strings.Builder, e *Sign) {
	sign := "+"
	if e.Minus {
		sign = "-"
	}
	switch e.X.(type) {
	case *Literal, *Sign:
		writeParts(b, sign+"(", e.X, ")")
	case *AtTimeZone:
		writeParts(b, sign, e.X)
	default:
		writeParts(b, sign, e.X)
	}
}

// writeBase puts a base that is no primary expression by itself in parentheses.
func writeBase(b *strings.Builder, e Expr) {
	switch e.(type) {
	case *Sign, *Lambda, *Literal:
		writeParts(b, "(", e, ")")
	default:
		write(b, e)
	}
}

func writeCase(b *strings.Builder, e *Case) {
	b.WriteString("(CASE")
	if e.Operand != nil {
		writeParts(b, " ", e.Operand)
	}
	for _, w := range e.Whens {
		writeParts(b, " WHEN ", w.If, " THEN ", w.Then)
	}
	if e.Else != nil {
		writeParts(b, " ELSE ", e.Else)
	}
	b.WriteString(" END)")
}

func writeLiteral(b *strings.Builder, e *Literal) {
	switch {
	case e.Value.IsNull():
		b.WriteString("null")
	case e.Type.Kind() == types.KindString:
		b.WriteString(QuoteString(e.Value.Str()))
	case e.Type.Kind() == types.KindDouble:
		b.WriteString(doubleLiteral(e.Value.Double()))
	case e.Type.Kind() == types.KindDecimal:
		b.WriteString(decimalLiteral(types.Text(e.Value, e.Type)))
	case e.Type.Kind().IsNumeric(), e.Type.Kind() == types.KindBoolean:
		b.WriteString(types.Text(e.Value, e.Type))
	default:
		b.WriteString(QuoteString(types.Text(e.Value, e.Type)))
	}
}

// doubleLiteral always has an exponent, which is what makes a literal a DOUBLE.
func doubleLiteral(f float64) string {
	s := types.JavaDouble(f)
	if !strings.Contains(s, "E") {
		s += "E0"
	}
	return s
}

// decimalLiteral always has a point, which is what makes a literal a DECIMAL.
func decimalLiteral(s string) string {
	if !strings.Contains(s, ".") {
		s += "."
	}
	return s
}
