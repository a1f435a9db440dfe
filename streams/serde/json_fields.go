package serde

import (
	"cmp"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plans are the functions made so far, by type: a type that contains itself finds its own.
type plans struct {
	decoders map[reflect.Type]*decodeFunc
	encoders map[encoderKey]*encodeFunc
}

// field is a member of a JSON object and the field of a struct that it stands for.
type field struct {
	name      string
	typ       reflect.Type
	path      []step // through embedded structs to the field
	tagged    bool
	omitEmpty bool
	omitZero  bool
	order     []int // position in the source, for the order of the output
}

// step is an offset in a struct; if pointer is set, a pointer to a struct of that type lies there.
type step struct {
	offset  uintptr
	pointer reflect.Type
	private bool // of a type that is not exported: it cannot be allocated
}

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonNumber      = reflect.TypeFor[json.Number]()
)

// structFields returns the members of a struct, in the order of its fields. It returns ok false if encoding/json has to
// do the struct, because a field has the option "string".
func structFields(t reflect.Type) (fields []field, ok bool) {
	type level struct {
		typ   reflect.Type
		path  []step
		order []int
	}
	now, visited := []level{{typ: t}}, map[reflect.Type]bool{}
	byName := make(map[string]bool)
	for len(now) > 0 {
		var found []field
		var next []level
		counts := make(map[reflect.Type]int) // embedded twice on one level: their fields hide each other
		for _, l := range now {
			counts[l.typ]++
		}
		for _, l := range now {
			if visited[l.typ] {
				continue
			}
			for i := range l.typ.NumField() {
				f := l.typ.Field(i)
				order := append(slices.Clone(l.order), i)
				here := step{offset: f.Offset}
				embedded, isEmbedded := embeddedStruct(f)
				if !f.IsExported() && !isEmbedded {
					continue
				}
				tag := f.Tag.Get("json")
				if tag == "-" {
					continue
				}
				name, options, _ := strings.Cut(tag, ",")
				if !validName(name) {
					name = ""
				}
				if isEmbedded && name == "" {
					if f.Type.Kind() == reflect.Pointer {
						here.pointer, here.private = embedded, !f.IsExported()
					}
					next = append(next, level{embedded, append(slices.Clone(l.path), here), order})
					continue
				}
				if !f.IsExported() {
					continue // an embedded struct of a private type under a name of its own
				}
				if hasOption(options, "string") && quotable(f.Type) {
					return nil, false
				}
				one := field{
					name: cmp.Or(name, f.Name), typ: f.Type, path: append(slices.Clone(l.path), here), tagged: name != "",
					omitEmpty: hasOption(options, "omitempty"), omitZero: hasOption(options, "omitzero"), order: order,
				}
				found = append(found, one)
				if counts[l.typ] > 1 {
					found = append(found, one)
				}
			}
		}
		fields = append(fields, dominant(found, byName)...)
		for _, l := range now {
			visited[l.typ] = true
		}
		now = next
	}
	slices.SortFunc(fields, func(x, y field) int { return slices.Compare(x.order, y.order) })
	return fields, true
}

// embeddedStruct returns the struct that f embeds, itself or through a pointer.
func embeddedStruct(f reflect.StructField) (reflect.Type, bool) {
	if !f.Anonymous {
		return nil, false
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, t.Kind() == reflect.Struct
}

// dominant returns those of the fields of one depth that are seen from above: names of lesser depths hide them, a tagged
// one hides others, and equals hide each other. Their names are added to taken.
func dominant(found []field, taken map[string]bool) (visible []field) {
	groups := make(map[string][]field)
	for _, f := range found {
		groups[f.name] = append(groups[f.name], f)
	}
	for _, f := range found {
		group := groups[f.name]
		if group == nil || taken[f.name] {
			continue
		}
		delete(groups, f.name)
		taken[f.name] = true
		tagged := slices.DeleteFunc(slices.Clone(group), func(g field) bool { return !g.tagged })
		switch {
		case len(group) == 1:
			visible = append(visible, f)
		case len(tagged) == 1:
			visible = append(visible, tagged[0])
		}
	}
	return visible
}

func hasOption(options, name string) bool {
	return slices.Contains(strings.Split(options, ","), name)
}

// quotable says whether the option "string" means something for a field of type t.
func quotable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.String:
		return true
	}
	return false
}

// validName says whether a tag gives a name.
func validName(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return s != ""
}

// appendFolded appends name with every character replaced by the smallest one that differs from it only in case.
func appendFolded(dst, name []byte) []byte {
	for i := 0; i < len(name); {
		if c := name[i]; c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(name[i:])
		dst = utf8.AppendRune(dst, foldRune(r))
		i += n
	}
	return dst
}

func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
