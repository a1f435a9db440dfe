package ast

// reservedWords are the keywords that cannot be identifiers without quotes. A test in the parse package holds this
// list and the grammar together.
var reservedWords = map[string]bool{
	"ALL": true, "ANALYZE": true, "AND": true, "AS": true, "BETWEEN": true, "BY": true, "CASE": true,
	"CAST": true, "CREATE": true, "DELETE": true, "DESCRIBE": true, "DISTINCT": true, "DROP": true, "ELSE": true,
	"END": true, "EXISTS": true, "FALSE": true, "FROM": true, "FULL": true, "GROUP": true, "HAVING": true,
	"IN": true, "INNER": true, "INSERT": true, "INTO": true, "IS": true, "JOIN": true, "LEFT": true, "LIKE": true,
	"LIMIT": true, "NOT": true, "NULL": true, "ON": true, "OR": true, "OUTER": true, "RIGHT": true,
	"SELECT": true, "STREAM": true, "TABLE": true, "THEN": true, "TRUE": true, "VALUES": true, "WHEN": true,
	"WHERE": true, "WINDOW": true, "WITH": true, "WITHIN": true,
}

// IsReserved reports whether a word in upper case is reserved.
func IsReserved(word string) bool { return reservedWords[word] }
