package function

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

// Patterns are RE2: linear in the length of the text, without look-around and back-references.

const maxPattern = 1000

// regexFunctions make each Eval with a cache of its last pattern.
func regexFunctions() []Scalar {
	S, I := types.String, types.Integer
	bind := func(s Scalar, eval func(re *regexp.Regexp, a []types.Value) (types.Value, error), pattern int) Scalar {
		s.Bind = func(Binding) (Eval, error) {
			patterns := newCache(compileRegex)
			return func(a []types.Value) (types.Value, error) {
				re, err := patterns.get(a[pattern].Str())
				if err != nil {
					return types.Null, err
				}
				return eval(re, a)
			}, nil
		}
		return s
	}
	return category("REGULAR EXPRESSION",
		bind(fn("regexp_extract", "Returns the first match of a pattern, or NULL.", S, nil, p("pattern", S), p("input", S)), regexpExtract, 0),
		bind(fn("regexp_extract", "Returns a group of the first match of a pattern, or NULL.", S, nil, p("pattern", S), p("input", S), p("group", I)), regexpExtract, 0),
		bind(fn("regexp_extract_all", "Returns all matches of a pattern.", stringArray, nil, p("pattern", S), p("input", S)), regexpExtractAll, 0),
		bind(fn("regexp_extract_all", "Returns a group of all matches of a pattern.", stringArray, nil, p("pattern", S), p("input", S), p("group", I)), regexpExtractAll, 0),
		bind(fn("regexp_replace", "Replaces all matches of a pattern; $1 in the new text is the first group.", S, nil, p("input", S), p("pattern", S), p("newString", S)), regexpReplace, 1),
		bind(fn("regexp_split_to_array", "Splits a string at the matches of a pattern.", stringArray, nil, p("input", S), p("pattern", S)), regexpSplit, 1),
	)
}

func compileRegex(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("the regular expression is longer than %d bytes", maxPattern)
	}
	return regexp.Compile(pattern)
}

func group(re *regexp.Regexp, a []types.Value) (int, bool) {
	if len(a) < 3 {
		return 0, true
	}
	g := int(a[2].Integer())
	return g, g >= 0 && g <= re.NumSubexp()
}

func regexpExtract(re *regexp.Regexp, a []types.Value) (types.Value, error) {
	g, ok := group(re, a)
	if !ok {
		return null()
	}
	m := re.FindStringSubmatchIndex(a[1].Str())
	if m == nil || m[2*g] < 0 {
		return null()
	}
	return str(a[1].Str()[m[2*g]:m[2*g+1]])
}

func regexpExtractAll(re *regexp.Regexp, a []types.Value) (types.Value, error) {
	g, ok := group(re, a)
	if !ok {
		return null()
	}
	var out []types.Value
	for _, m := range re.FindAllStringSubmatchIndex(a[1].Str(), -1) {
		v := types.Null
		if m[2*g] >= 0 {
			v = types.NewString(a[1].Str()[m[2*g]:m[2*g+1]])
		}
		out = append(out, v)
	}
	return types.NewArray(out), nil
}

// javaTemplate turns the $1 and \x of Java's replacement text into Go's form.
func javaTemplate(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			if s[i] == '$' {
				b.WriteByte('$')
			}
			b.WriteByte(s[i])
		case c == '$' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			j := i + 1
			for j < len(s) && s[j] >= '0' && s[j] <= '9' {
				j++
			}
			b.WriteString("${" + s[i+1:j] + "}")
			i = j - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func regexpReplace(re *regexp.Regexp, a []types.Value) (types.Value, error) {
	return str(re.ReplaceAllString(a[0].Str(), javaTemplate(a[2].Str())))
}

func regexpSplit(re *regexp.Regexp, a []types.Value) (types.Value, error) {
	s := a[0].Str()
	parts := []string{}
	last := 0
	for _, m := range re.FindAllStringIndex(s, -1) {
		if m[0] == m[1] && (m[0] == 0 || m[0] == len(s)) {
			continue // an empty match at an end splits nothing off
		}
		parts = append(parts, s[last:m[0]])
		last = m[1]
	}
	return stringsValue(append(parts, s[last:])), nil
}
