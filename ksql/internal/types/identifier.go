package types

import "strings"

// Quote writes a name in back-quotes, doubling those inside.
func Quote(name string) string {
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// Upper folds an unquoted identifier: upper case, character by character.
func Upper(name string) string { return strings.ToUpper(name) }

// IsPlainName reports whether a name can be written without quotes and keep its case, keywords aside.
func IsPlainName(name string) bool {
	if name == "" {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z', c == '_':
		case c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return true
}
