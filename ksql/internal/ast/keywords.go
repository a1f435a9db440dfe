package ast

// reservedWords are the keywords that cannot be identifiers without quotes. A test in the parse package holds this
// list and the grammar together.
var reservedWords = map[string]bool{}

// IsReserved reports whether a word in upper case is reserved.
func IsReserved(word string) bool { return reservedWords[word] }
