package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// caseSpec is a case of a file.
type caseSpec struct {
	ID       string         `json:"id"`
	Config   object         `json:"config"`
	Topology []object       `json:"topology"`
	Steps    []object       `json:"steps"`
	Inputs   map[string]kv  `json:"inputs"`
	Outputs  map[string]kv  `json:"outputs"`
	Expect   map[string]any `json:"expect"`
	Quirk    any            `json:"quirk"`
}

// kv are serde names.
type kv struct {
	K string `json:"k"`
	V string `json:"v"`
}

func parseCases(b []byte) ([]*caseSpec, error) {
	var list []*caseSpec
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '{' {
		var wrapped struct {
			Cases []*caseSpec `json:"cases"`
		}
		if err := decodeJSON(b, &wrapped); err != nil {
			return nil, err
		}
		return wrapped.Cases, nil
	}
	err := decodeJSON(b, &list)
	return list, err
}

// decodeJSON keeps numbers as they are written.
func decodeJSON(b []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(to)
}

// object is an op, a step or a configuration.
type object map[string]any

// has says whether a field is there and not null.
func (o object) has(f string) bool { return o[f] != nil }

// str returns a field's text, or dflt.
func (o object) str(f, dflt string) string {
	switch v := o[f].(type) {
	case nil:
		return dflt
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}

// num returns a field's number, or dflt.
func (o object) num(f string, dflt int64) int64 {
	n, ok := o[f].(json.Number)
	if !ok {
		return dflt
	}
	i, err := n.Int64()
	if err != nil {
		fl, _ := n.Float64()
		return int64(fl)
	}
	return i
}

func (o object) boolean(f string) bool {
	b, _ := o[f].(bool)
	return b
}

// strs returns a text or a list of texts.
func (o object) strs(f string) []string {
	switch v := o[f].(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, x := range v {
			list = append(list, fmt.Sprint(x))
		}
		return list
	default:
		return nil
	}
}

func (o object) obj(f string) object {
	m, _ := o[f].(map[string]any)
	return m
}

func (o object) objs(f string) []object {
	var list []object
	a, _ := o[f].([]any)
	for _, x := range a {
		if m, ok := x.(map[string]any); ok {
			list = append(list, m)
		}
	}
	return list
}

// unsupported is what a case asks for and the library does not offer yet.
type unsupported string

func (u unsupported) Error() string { return string(u) }

func notYet(format string, args ...any) { panic(unsupported(fmt.Sprintf(format, args...))) }
