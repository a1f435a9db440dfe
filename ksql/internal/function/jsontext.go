package function

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

// jsonNode is a part of valid JSON text: its bytes without space around them.
type jsonNode string

// maxJSONText bounds the text that the JSON functions read.
const maxJSONText = 16 << 20

// parseJSON returns text that is one valid JSON value; ok is false for others.
func parseJSON(s string) (n jsonNode, ok bool) {
	if len(s) > maxJSONText || !json.Valid([]byte(s)) {
		return "", false
	}
	return jsonNode(strings.Trim(s, " \t\r\n")), true
}

func (n jsonNode) isObject() bool { return n[0] == '{' }
func (n jsonNode) isArray() bool  { return n[0] == '[' }
func (n jsonNode) isNull() bool   { return n[0] == 'n' }

// members calls f for the elements of an array, or the fields of an object with their names, until it returns false.
func (n jsonNode) members(f func(name string, value jsonNode) bool) {
	object := n.isObject()
	for i := skipSpace(string(n), 1); i < len(n) && n[i] != ']' && n[i] != '}'; {
		name := ""
		if object {
			end := skipJSON(string(n), i)
			name = jsonNode(n[i:end]).text()
			i = skipSpace(string(n), skipSpace(string(n), end)+1) // past the colon
		}
		end := skipJSON(string(n), i)
		if !f(name, n[i:end]) {
			return
		}
		if i = skipSpace(string(n), end); n[i] == ',' {
			i = skipSpace(string(n), i+1)
		}
	}
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n') {
		i++
	}
	return i
}

// skipJSON returns the end of the value that starts at i, in valid text.
func skipJSON(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '"':
			for i++; s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// text returns the content of a string, and the compact text of other values.
func (n jsonNode) text() string {
	if n[0] == '"' {
		if !strings.Contains(string(n), "\\") {
			return string(n[1 : len(n)-1])
		}
		var s string
		_ = json.Unmarshal([]byte(n), &s) // n is valid
		return s
	}
	return n.compact()
}

// compact returns the text without the space between its tokens.
func (n jsonNode) compact() string {
	if !strings.ContainsAny(string(n), " \t\r\n") {
		return string(n)
	}
	out := make([]byte, 0, len(n))
	quoted := false
	for i := 0; i < len(n); i++ {
		c := n[i]
		switch {
		case quoted && c == '\\':
			out = append(out, c)
			i++
			c = n[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			continue
		}
		out = append(out, c)
	}
	return string(out)
}

// jsonStep is a step of a path: a field or, if index is not negative, an element.
type jsonStep struct {
	field string
	index int
}

// compileJSONPath reads a path such as $.a['b'][0].
func compileJSONPath(s string) ([]jsonStep, error) {
	bad := func() ([]jsonStep, error) { return nil, fmt.Errorf("Invalid JSON path: '%s'", clip(s)) }
	rest, ok := strings.CutPrefix(s, "$")
	if !ok || len(s) > 1000 {
		return bad()
	}
	var steps []jsonStep
	for rest != "" {
		switch rest[0] {
		case '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			if end == 0 {
				return bad()
			}
			steps = append(steps, jsonStep{rest[1 : end+1], -1})
			rest = rest[end+1:]
		case '[':
			end := strings.IndexByte(rest, ']')
			if end < 2 {
				return bad()
			}
			inside := rest[1:end]
			if q := inside[0]; q == '\'' || q == '"' {
				if len(inside) < 2 || inside[len(inside)-1] != q {
					return bad()
				}
				steps = append(steps, jsonStep{inside[1 : len(inside)-1], -1})
			} else {
				i, err := strconv.Atoi(inside)
				if err != nil || i < 0 {
					return bad()
				}
				steps = append(steps, jsonStep{"", i})
			}
			rest = rest[end+1:]
		default:
			return bad()
		}
	}
	return steps, nil
}

// at returns the value at a path; ok is false if there is none.
func (n jsonNode) at(path []jsonStep) (found jsonNode, ok bool) {
	for _, step := range path {
		ok = false
		if step.index >= 0 && n.isArray() || step.index < 0 && n.isObject() {
			i := 0
			var next jsonNode
			n.members(func(name string, v jsonNode) bool {
				if step.index >= 0 && i == step.index || step.index < 0 && name == step.field {
					next, ok = v, true
				}
				i++
				return !ok
			})
			n = next
		}
		if !ok {
			return "", false
		}
	}
	return n, true
}

// appendJSON writes a value of a type as TO_JSON_STRING does: dates and times as text.
func appendJSON(dst []byte, v types.Value, t types.Type) []byte {
	switch v.Kind() {
	case types.KindNull:
		return append(dst, "null"...)
	case types.KindBoolean, types.KindInteger, types.KindBigint, types.KindDecimal:
		return types.AppendText(dst, v, t)
	case types.KindDouble:
		f := v.Double()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return append(append(append(dst, '"'), types.JavaDouble(f)...), '"')
		}
		return types.AppendJavaDouble(dst, f)
	case types.KindBytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
		return append(dst, '"')
	case types.KindArray:
		dst = append(dst, '[')
		for i, e := range v.Array() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, e, t.Elem())
		}
		return append(dst, ']')
	case types.KindMap:
		dst = append(dst, '{')
		for i, e := range v.Map().Entries() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONString(dst, types.Text(e.Key, t.Key()))
			dst = append(dst, ':')
			dst = appendJSON(dst, e.Value, t.Elem())
		}
		return append(dst, '}')
	case types.KindStruct:
		dst = append(dst, '{')
		for i, f := range v.Struct() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONString(dst, t.Fields()[i].Name)
			dst = append(dst, ':')
			dst = appendJSON(dst, f, t.Fields()[i].Type)
		}
		return append(dst, '}')
	}
	return appendJSONString(dst, types.Text(v, t))
}

func appendJSONString(dst []byte, s string) []byte {
	b := new(strings.Builder)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return append(dst, strings.TrimSuffix(b.String(), "\n")...)
}
