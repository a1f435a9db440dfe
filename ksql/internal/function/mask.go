package function

import (
	"unicode"

	"github.com/chortal/chortal/ksql/internal/types"
)

// maskFunctions replace letters and digits so that the form of a text shows and its content does not: upper case becomes X, lower case x,
// digits n, all else -. Each mask can be given; a NULL mask leaves its kind of characters alone.
func maskFunctions() []Scalar {
	S, I := types.String, types.Integer
	masks := []Param{p("mask_upper", S), p("mask_lower", S), p("mask_digit", S), p("mask_other", S)}
	list := []Scalar{
		fnNull("mask", "Masks all characters: X for upper case, x for lower case, n for digits, - for others.", S,
			masking(false, func(n, _ int) (int, int) { return 0, n }), p("input", S)),
		fnNull("mask", "Masks all characters with the given masks; NULL leaves a kind of characters alone.", S,
			masking(false, func(n, _ int) (int, int) { return 0, n }), append([]Param{p("input", S)}, masks...)...),
	}
	for _, f := range []struct {
		name, doc string
		span      func(n, k int) (int, int)
	}{
		{"mask_left", "Masks the first n characters.", func(n, k int) (int, int) { return 0, min(n, k) }},
		{"mask_right", "Masks the last n characters.", func(n, k int) (int, int) { return max(n-k, 0), n }},
		{"mask_keep_left", "Masks all characters but the first n.", func(n, k int) (int, int) { return min(n, k), n }},
		{"mask_keep_right", "Masks all characters but the last n.", func(n, k int) (int, int) { return 0, max(n-k, 0) }},
	} {
		list = append(list,
			fnNull(f.name, f.doc, S, masking(true, f.span), p("input", S), p("numChars", I)),
			fnNull(f.name, f.doc+" The masks are given; NULL leaves a kind of characters alone.", S, masking(true, f.span),
				append([]Param{p("input", S), p("numChars", I)}, masks...)...))
	}
	return category("STRING", list...)
}

// masking masks the characters in the span that it computes from the length of the text and the count.
func masking(counted bool, span func(n, k int) (from, to int)) Eval {
	return func(a []types.Value) (types.Value, error) {
		if a[0].IsNull() {
			return null()
		}
		k, first := 0, 1
		if counted {
			if a[1].IsNull() || a[1].Integer() < 0 {
				return null()
			}
			k, first = int(a[1].Integer()), 2
		}
		chars := []rune(a[0].Str())
		from, to := span(len(chars), k)
		for i := from; i < to; i++ {
			chars[i] = maskChar(chars[i], a[first:])
		}
		return str(string(chars))
	}
}

func maskChar(r rune, masks []types.Value) rune {
	kind, mask := 3, '-'
	switch {
	case unicode.IsUpper(r):
		kind, mask = 0, 'X'
	case unicode.IsLower(r):
		kind, mask = 1, 'x'
	case unicode.IsDigit(r):
		kind, mask = 2, 'n'
	}
	if len(masks) == 0 {
		return mask
	}
	if masks[kind].IsNull() {
		return r
	}
	for _, m := range masks[kind].Str() {
		return m
	}
	return r
}
