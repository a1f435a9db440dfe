package ast

import (
	"github.com/chortal/chortal/ksql/internal/types"
)

// Literal is a constant: NULL, BOOLEAN, INTEGER, BIGINT, DECIMAL (plain fraction), DOUBLE (with exponent) or STRING. Rewrites
// may also make DATE, TIME, TIMESTAMP and BYTES literals.
type Literal struct {
	Pos
	Value types.Value
	Type  types.Type
}

// ColumnRef names a column, with the alias of its source where the text has one.
type ColumnRef struct {
	Pos
	Source string // "" if not qualified
	Name   string
}

// LambdaVar is a use of a parameter of an enclosing lambda.
type LambdaVar struct {
	Pos
	Name string
}

// Arithmetic is L op R.
type Arithmetic struct {
	Pos
	Op   types.Op
	L, R Expr
}

// Sign is -X or +X. The parser folds a sign in front of a number literal into the literal.
type Sign struct {
	Pos
	Minus bool
	X     Expr
}

// Comparison is L op R with a result of BOOLEAN.
type Comparison struct {
	Pos
	Op   types.CompareOp
	L, R Expr
}

// Logical is L AND R, or L OR R.
type Logical struct {
	Pos
	Or   bool
	L, R Expr
}

// Not is NOT X.
type Not struct {
	Pos
	X Expr
}

// IsNull is X IS [NOT] NULL.
type IsNull struct {
	Pos
	X   Expr
	Not bool
}

// Between is X [NOT] BETWEEN Low AND High.
type Between struct {
	Pos
	X, Low, High Expr
	Not          bool
}

// In is X [NOT] IN (List).
type In struct {
	Pos
	X    Expr
	List []Expr
	Not  bool
}

// Like is X [NOT] LIKE Pattern [ESCAPE 'c'].
type Like struct {
	Pos
	X, Pattern Expr
	Escape     string // one character, or ""
	Not        bool
}

// Case is CASE [Operand] WHEN ... THEN ... [ELSE Else] END. Operand is nil in the searched form.
type Case struct {
	Pos
	Operand Expr
	Whens   []When
	Else    Expr // nil if missing
}

// When is one branch of a Case.
type When struct {
	Pos
	If, Then Expr
}

// Cast is CAST(X AS Type).
type Cast struct {
	Pos
	X    Expr
	Type *TypeRef
}

// Call is a call of a function by its upper-case name. Star is the * of COUNT(*), which has no other argument; the parser
// takes it for any function.
type Call struct {
	Pos
	Name string
	Args []Expr
	Star bool
}

// Subscript is Base[Index].
type Subscript struct {
	Pos
	Base, Index Expr
}

// Deref is Base->Field.
type Deref struct {
	Pos
	Base  Expr
	Field string
}

// ArrayLit is ARRAY[...].
type ArrayLit struct {
	Pos
	Elems []Expr
}

// MapLit is MAP(k := v, ...).
type MapLit struct {
	Pos
	Entries []MapEntry
}

// MapEntry is one entry of a MapLit.
type MapEntry struct{ Key, Value Expr }

// StructLit is STRUCT(f := e, ...).
type StructLit struct {
	Pos
	Fields []StructField
}

// StructField is one field of a StructLit.
type StructField struct {
	Name  string
	Value Expr
}

// Lambda is (Params) => Body. Its parameters occur in Body as LambdaVar.
type Lambda struct {
	Pos
	Params []string
	Body   Expr
}

// Unit is a unit of time as an argument, such as DAYS in DATEADD(DAYS, 1, d).
type Unit struct {
	Pos
	Unit TimeUnit
}

// AtTimeZone is X AT TIME ZONE Zone.
type AtTimeZone struct {
	Pos
	X, Zone Expr
}

func (*Literal) expr()    {}
func (*ColumnRef) expr()  {}
func (*LambdaVar) expr()  {}
func (*Arithmetic) expr() {}
func (*Sign) expr()       {}
func (*Comparison) expr() {}
func (*Logical) expr()    {}
func (*Not) expr()        {}
func (*IsNull) expr()     {}
func (*Between) expr()    {}
func (*In) expr()         {}
func (*Like) expr()       {}
func (*Case) expr()       {}
func (*Cast) expr()       {}
func (*Call) expr()       {}
func (*Subscript) expr()  {}
func (*Deref) expr()      {}
func (*ArrayLit) expr()   {}
func (*MapLit) expr()     {}
func (*StructLit) expr()  {}
func (*Lambda) expr()     {}
func (*Unit) expr()       {}
func (*AtTimeZone) expr() {}
