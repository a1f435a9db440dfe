//lint:file-ignore U1000 fields give the records their size

package processor

import "testing"

// The benchmarks of this file settle how records travel: by pointer or by value. Four operators of a typical record, each
// giving it another value.

type benchValue struct {
	que, quien, dia string
	precio          float64
}

type byPointer struct {
	out  Record[string, benchValue]
	next interface {
		Process(*Record[string, benchValue]) error
	}
}

func (n *byPointer) Process(r *Record[string, benchValue]) error {
	n.out.Key, n.out.Value, n.out.Timestamp, n.out.Headers = r.Key, r.Value, r.Timestamp, r.Headers
	n.out.Value.precio++
	if n.next == nil {
		return nil
	}
	return n.next.Process(&n.out)
}

type byValue struct {
	next interface {
		Process(Record[string, benchValue]) error
	}
}

func (n *byValue) Process(r Record[string, benchValue]) error {
	r.Value.precio++
	if n.next == nil {
		return nil
	}
	return n.next.Process(r)
}

func BenchmarkForwardPointer(b *testing.B) {
	chain := &byPointer{}
	for range 3 {
		chain = &byPointer{next: chain}
	}
	r := Record[string, benchValue]{Key: "k"}
	b.ReportAllocs()
	for b.Loop() {
		if err := chain.Process(&r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkForwardValue(b *testing.B) {
	chain := &byValue{}
	for range 3 {
		chain = &byValue{next: chain}
	}
	r := Record[string, benchValue]{Key: "k"}
	b.ReportAllocs()
	for b.Loop() {
		if err := chain.Process(r); err != nil {
			b.Fatal(err)
		}
	}
}

type passOn struct {
	ctx *Context[string, benchValue]
}

func (p *passOn) Init(c *Context[string, benchValue]) error { p.ctx = c; return nil }
func (p *passOn) Process(r *Record[string, benchValue]) error {
	if r.Value.precio < 0 {
		return nil
	}
	return p.ctx.Forward(r)
}
func (p *passOn) Close() error { return nil }

// BenchmarkNodes is four processors as a task runs them, with the recovery of panics.
func BenchmarkNodes(b *testing.B) {
	env := &Env{}
	var first, last *procNode[string, benchValue, string, benchValue]
	for range 4 {
		n := &procNode[string, benchValue, string, benchValue]{proc: &passOn{}}
		n.ctx.init(env, "n")
		if err := n.Init(); err != nil {
			b.Fatal(err)
		}
		if first == nil {
			first = n
		} else if err := last.Connect("n", n); err != nil {
			b.Fatal(err)
		}
		last = n
	}
	r := Record[string, benchValue]{Key: "k"}
	b.ReportAllocs()
	for b.Loop() {
		if err := first.Process(&r); err != nil {
			b.Fatal(err)
		}
	}
}
