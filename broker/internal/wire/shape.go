package wire

// kind is what a field is on the wire.
type kind uint8

const (
	int8Kind kind = iota
	int16Kind
	int32Kind
	int64Kind
	uuidKind
	stringKind
	bytesKind
	arrayKind
	structKind
)

// message is a row of the generated table: a request in a range of versions.
type message struct {
	key      int16
	name     string
	min, max int16
	flexible int16 // first flexible version
	fields   []field
}

// field is a field of a message in the order of the wire.
type field struct {
	name     string
	kind     kind
	from     int16 // first version that has it
	until    int16 // first version that has it no more; 0: none
	nullable int16 // first version in which it may be null, plus 1; 0: never
	tagged   int16 // first version in which it is a tagged field, plus 1; 0: never
	tag      uint32
	elem     kind    // of an array
	fields   []field // of a structure or of an array of structures
}

func (f *field) in(version int16) bool {
	return version >= f.from && (f.until == 0 || version < f.until)
}

func since(first, version int16) bool { return first > 0 && version >= first-1 }

// shape is a structure in one version, ready to be walked: fields of fixed size are merged.
type shape struct {
	ops      []op
	tags     []op // tagged fields
	flexible bool // ends in a section of tagged fields
	least    int  // bytes that the smallest value takes on the wire
	size     int64
}

// op is one step of a walk.
type op struct {
	kind     kind   // of the steps below: fixed, string, bytes, array or structure
	name     string // for errors
	fixed    int    // bytes to skip, if sub is nil and kind is int8Kind
	nullable bool
	tag      uint32
	least    int   // arrays: bytes that the smallest element takes
	size     int64 // arrays: bytes of a decoded element; strings: of the pointer's target
	elem     kind  // arrays of what is no structure
	sub      *shape
}

// What Go values of kmsg take in memory.
const (
	stringSize = 16
	sliceSize  = 24
	tagsSize   = 8
	wordSize   = 8
)

// compile makes the shape of a message in one version. newest is the same message as the newest release has it: kmsg's
// structures have its fields in all versions, so their size is counted by it.
func compile(m, newest *message, version int16) *shape {
	return compileStruct(m.fields, newest.fields, version, version >= m.flexible)
}

func compileStruct(fields, newest []field, version int16, flexible bool) *shape {
	s := &shape{flexible: flexible, size: tagsSize + wordSize + max(goSizes(fields), goSizes(newest))}
	for i := range fields {
		f := &fields[i]
		if f.tagged > 0 && flexible && (!f.in(version) || since(f.tagged, version)) {
			// kmsg decodes a tagged field that it knows in every flexible version, also in those before its time.
			s.tags = append(s.tags, compileField(f, newest, max(version, f.tagged-1), flexible))
			continue
		}
		if !f.in(version) {
			continue
		}
		o := compileField(f, newest, version, flexible)
		s.least += leastOf(&o, flexible)
		if last := len(s.ops) - 1; o.kind == int8Kind && last >= 0 && s.ops[last].kind == int8Kind {
			s.ops[last].fixed += o.fixed
			continue
		}
		s.ops = append(s.ops, o)
	}
	if flexible {
		s.least++
	}
	return s
}

// compileField makes the step for one field. int8Kind stands for any fixed size.
func compileField(f *field, siblings []field, version int16, flexible bool) op {
	newest := f.fields
	for i := range siblings {
		if siblings[i].name == f.name && len(siblings[i].fields) > 0 {
			newest = siblings[i].fields
		}
	}
	o := op{kind: f.kind, name: f.name, tag: f.tag, nullable: since(f.nullable, version)}
	switch f.kind {
	case stringKind, bytesKind:
	case structKind:
		o.sub = compileStruct(f.fields, newest, version, flexible)
	case arrayKind:
		o.elem = f.elem
		switch f.elem {
		case structKind:
			o.sub = compileStruct(f.fields, newest, version, flexible)
			o.least, o.size = max(o.sub.least, 1), o.sub.size
		case stringKind, bytesKind:
			o.least, o.size = lengthOf(f.elem, flexible), stringSize
		default:
			o.least, o.size = fixedSize(f.elem), int64(fixedSize(f.elem))
		}
	default:
		o.kind, o.fixed = int8Kind, fixedSize(f.kind)
	}
	return o
}

func fixedSize(k kind) int {
	switch k {
	case int8Kind:
		return 1
	case int16Kind:
		return 2
	case int32Kind:
		return 4
	case int64Kind:
		return 8
	}
	return 16
}

// lengthOf is the least number of bytes of a length field.
func lengthOf(k kind, flexible bool) int {
	switch {
	case flexible:
		return 1
	case k == stringKind:
		return 2
	}
	return 4
}

func leastOf(o *op, flexible bool) int {
	switch o.kind {
	case int8Kind:
		return o.fixed
	case structKind:
		if o.nullable {
			return 1
		}
		return o.sub.least
	}
	return lengthOf(o.kind, flexible)
}

func goSizes(fields []field) (n int64) {
	for i := range fields {
		n += goSize(&fields[i])
	}
	return n
}

// goSize is what a field takes in the structure of kmsg, which has the fields of all versions.
func goSize(f *field) int64 {
	switch f.kind {
	case int8Kind, int16Kind, int32Kind, int64Kind:
		return wordSize
	case arrayKind, bytesKind:
		return sliceSize
	case structKind:
		return tagsSize + goSizes(f.fields)
	}
	return stringSize
}

// shape walks a structure.
func (w *walker) shape(s *shape) {
	for i := range s.ops {
		if w.op(&s.ops[i], s.flexible); w.err != nil {
			return
		}
	}
	if s.flexible {
		w.tagged(s)
	}
}

func (w *walker) op(o *op, flexible bool) {
	switch o.kind {
	case int8Kind:
		w.skip(o.fixed)
	case stringKind:
		n := w.length(stringKind, flexible)
		w.span(n, o.nullable)
		if w.cost += max(n, 0); o.nullable {
			w.cost += stringSize
		}
	case bytesKind:
		w.span(w.length(bytesKind, flexible), o.nullable)
	case arrayKind:
		w.array(o, flexible)
	case structKind:
		if o.nullable {
			if w.left() > 0 && w.b[w.at] == 0xff {
				w.at++
				return
			}
			w.skip(1)
			w.cost += o.sub.size
		}
		w.shape(o.sub)
	}
}

// length reads the length of a string or bytes, or the count of an array; -1 is null.
func (w *walker) length(k kind, flexible bool) int64 {
	switch {
	case flexible:
		return int64(w.uvarint()) - 1
	case k == stringKind:
		return int64(w.int16())
	}
	return int64(w.int32())
}

func (w *walker) array(o *op, flexible bool) {
	n := w.count(w.length(arrayKind, flexible), o.least, o.nullable)
	w.cost += int64(n) * o.size
	switch o.elem {
	case structKind:
		for range n {
			if w.shape(o.sub); w.err != nil {
				return
			}
		}
	case stringKind, bytesKind:
		for range n {
			size := w.length(o.elem, flexible)
			w.span(size, false)
			w.cost += max(size, 0)
		}
	default:
		w.skip(n * o.least)
	}
}

// tagged walks the section of tagged fields that ends a structure.
func (w *walker) tagged(s *shape) {
	if w.at < len(w.b) && w.b[w.at] == 0 {
		w.at++
		return
	}
	n := w.uvarint()
	if int64(n) > int64(w.left()/2) {
		w.fail("%d tagged fields, %d bytes left", n, w.left())
		return
	}
	for range n {
		tag, size := w.uvarint(), int64(w.uvarint())
		if size > int64(w.left()) {
			w.fail("tagged field of %d bytes, %d left", size, w.left())
		}
		if w.err != nil {
			return
		}
		if o := s.tag(tag); o != nil {
			w.within(o, int(size))
		} else {
			w.unknownTag(int(size))
		}
	}
}

func (s *shape) tag(tag uint32) *op {
	for i := range s.tags {
		if s.tags[i].tag == tag {
			return &s.tags[i]
		}
	}
	return nil
}

// within walks a tagged field that must fill n bytes.
func (w *walker) within(o *op, n int) {
	whole := w.b
	w.b = whole[:w.at+n]
	if w.op(o, true); w.err == nil && w.left() > 0 {
		w.fail("tagged field %s: %d bytes are left over", o.name, w.left())
	}
	w.b = whole
}

func (w *walker) unknownTag(n int) {
	if w.tags++; w.tags > maxUnknownTags {
		w.fail("more than %d unknown tagged fields", maxUnknownTags)
		return
	}
	w.cost += tagMapCost
	w.skip(n)
}
