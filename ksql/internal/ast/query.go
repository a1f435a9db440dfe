package ast

import (
	"fmt"
	"time"
)

// Query is a SELECT.
type Query struct {
	Pos
	Select      []SelectItem
	From        Relation
	Window      *Window // nil without
	Where       Expr    // nil without
	GroupBy     *GroupBy
	PartitionBy []Expr
	Having      Expr
	Emit        EmitMode
	Limit       *int64
}

// GroupBy is the GROUP BY clause.
type GroupBy struct {
	Pos
	Exprs []Expr
}

// EmitMode is the EMIT clause.
type EmitMode uint8

// The EMIT clauses. Without one, a query is a pull query, or EMIT CHANGES inside CREATE AS and INSERT INTO.
const (
	EmitNone EmitMode = iota
	EmitChanges
	EmitFinal
)

// SelectItem is one item of a projection.
type SelectItem struct {
	Pos
	// Expr is the expression; nil for * and source.*. With Star it is the STRUCT whose fields are selected.
	Expr   Expr
	Alias  string // "" without
	Star   bool   // *, source.* or expr->*
	Source string // of source.*
}

// Table names a stream or table as a source.
type Table struct {
	Pos
	Name  string
	Alias string // "" without
}

// SourceAlias returns the name by which the query knows the source.
func (t *Table) SourceAlias() string {
	if t.Alias != "" {
		return t.Alias
	}
	return t.Name
}

// JoinType is the kind of a join.
type JoinType uint8

// The kinds of joins.
const (
	InnerJoin JoinType = iota
	LeftJoin
	RightJoin
	FullJoin
)

var joinText = [...]string{"INNER JOIN", "LEFT OUTER JOIN", "RIGHT OUTER JOIN", "FULL OUTER JOIN"}

// String returns the kind as SQL writes it.
func (j JoinType) String() string { return joinText[j] }

// Join is Left JOIN Right; n-way joins nest to the left.
type Join struct {
	Pos
	Type        JoinType
	Left, Right Relation
	Within      *Within // nil without
	On          Expr
}

// Within is the WITHIN clause of a stream-stream join.
type Within struct {
	Pos
	Before, After Interval // equal in the short form
	Grace         *Interval
}

func (*Table) relation() {}
func (*Join) relation()  {}

// TimeUnit is a unit of time.
type TimeUnit uint8

// The units of time.
const (
	Milliseconds TimeUnit = iota
	Seconds
	Minutes
	Hours
	Days
	Weeks
	Months
	Years
)

var unitText = [...]string{"MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS", "WEEKS", "MONTHS", "YEARS"}

var unitDuration = [...]time.Duration{
	time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
}

// String returns the unit in the plural, such as DAYS.
func (u TimeUnit) String() string { return unitText[u] }

// Duration returns the length of one unit; 0 for months and years, which have none.
func (u TimeUnit) Duration() time.Duration {
	if int(u) < len(unitDuration) {
		return unitDuration[u]
	}
	return 0
}

// Interval is a number of units of time.
type Interval struct {
	Pos
	N    int64
	Unit TimeUnit
}

// Duration returns the length. The parser checked that it fits.
func (i Interval) Duration() time.Duration { return time.Duration(i.N) * i.Unit.Duration() }

// String returns the interval as SQL text, such as 10 SECONDS.
func (i Interval) String() string { return fmt.Sprintf("%d %s", i.N, i.Unit) }

// WindowKind is the kind of a window.
type WindowKind uint8

// The kinds of windows.
const (
	Tumbling WindowKind = iota
	Hopping
	Session
)

var windowText = [...]string{"TUMBLING", "HOPPING", "SESSION"}

// String returns the kind as SQL writes it.
func (k WindowKind) String() string { return windowText[k] }

// Window is the WINDOW clause.
type Window struct {
	Pos
	Kind      WindowKind
	Size      Interval  // of tumbling and hopping windows; the gap of session windows
	Advance   Interval  // of hopping windows
	Retention *Interval // nil without
	Grace     *Interval // nil without
}
