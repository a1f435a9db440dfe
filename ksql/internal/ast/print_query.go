package ast

import "strings"

// String returns the query over several lines, one item of the projection and one clause a line.
func (q *Query) String() string {
	var b strings.Builder
	b.WriteString("SELECT")
	if len(q.Select) == 1 {
		b.WriteString(" " + q.Select[0].String())
	} else {
		for i, item := range q.Select {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString("\n  " + item.String())
		}
	}
	b.WriteString("\nFROM " + q.From.String())
	if q.Window != nil {
		b.WriteString("\nWINDOW " + q.Window.String())
	}
	clause(&b, "WHERE ", q.Where)
	if q.GroupBy != nil {
		b.WriteString("\nGROUP BY " + groupBy(q.GroupBy.Exprs))
	}
	if q.PartitionBy != nil {
		b.WriteString("\nPARTITION BY " + groupBy(q.PartitionBy))
	}
	clause(&b, "HAVING ", q.Having)
	switch q.Emit {
	case EmitChanges:
		b.WriteString("\nEMIT CHANGES")
	case EmitFinal:
		b.WriteString("\nEMIT FINAL")
	}
	b.WriteString(count("\nLIMIT ", q.Limit))
	return b.String()
}

func groupBy(list []Expr) string {
	if len(list) == 0 {
		return "()"
	}
	return exprs(list)
}

func clause(b *strings.Builder, head string, e Expr) {
	if e != nil {
		b.WriteString("\n" + head + e.String())
	}
}

// String returns the item as SQL text, such as F1 K1 or S.*.
func (s SelectItem) String() string {
	switch {
	case s.Star && s.Expr != nil:
		var b strings.Builder
		writeBase(&b, s.Expr)
		return b.String() + "->*"
	case s.Star && s.Source != "":
		return QuoteName(s.Source) + ".*"
	case s.Star:
		return "*"
	case s.Alias != "":
		return s.Expr.String() + " " + QuoteName(s.Alias)
	}
	return s.Expr.String()
}

// String returns the name and the alias.
func (t *Table) String() string {
	if t.Alias == "" {
		return QuoteName(t.Name)
	}
	return QuoteName(t.Name) + " " + QuoteName(t.Alias)
}

// String returns the join over two lines.
func (j *Join) String() string {
	s := j.Left.String() + "\n" + j.Type.String() + " " + j.Right.String()
	if j.Within != nil {
		s += " " + j.Within.String()
	}
	return s + " ON (" + j.On.String() + ")"
}

// String returns the clause as SQL text.
func (w *Within) String() string {
	s := "WITHIN "
	if w.Before.N == w.After.N && w.Before.Unit == w.After.Unit {
		s += w.Before.String()
	} else {
		s += "(" + w.Before.String() + ", " + w.After.String() + ")"
	}
	if w.Grace != nil {
		s += " GRACE PERIOD " + w.Grace.String()
	}
	return s
}

// String returns the clause without the word WINDOW.
func (w *Window) String() string {
	s := w.Kind.String() + " ( "
	switch w.Kind {
	case Tumbling:
		s += "SIZE " + w.Size.String()
	case Hopping:
		s += "SIZE " + w.Size.String() + " , ADVANCE BY " + w.Advance.String()
	case Session:
		s += w.Size.String()
	}
	if w.Retention != nil {
		s += " , RETENTION " + w.Retention.String()
	}
	if w.Grace != nil {
		s += " , GRACE PERIOD " + w.Grace.String()
	}
	return s + " )"
}
