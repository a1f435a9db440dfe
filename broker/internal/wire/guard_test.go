package wire_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/wire"
	"github.com/chortal/chortal/broker/internal/wire/hostile"
)

// forEachRequest calls fn with every request and version that both kmsg and the guard know.
func forEachRequest(t *testing.T, fn func(t *testing.T, key, version int16)) {
	t.Helper()
	g := wire.NewGuard()
	for key := int16(0); key <= 94; key++ {
		if key >= 4 && key <= 7 {
			continue // gone since Kafka 4.0
		}
		lowest, highest, ok := g.Versions(key)
		if !ok {
			t.Errorf("the guard does not know %s", kmsg.NameForKey(key))
			continue
		}
		if kmax := kmsg.RequestForKey(key).MaxVersion(); kmax > highest {
			t.Errorf("%s: kmsg goes up to version %d, the guard to %d", kmsg.NameForKey(key), kmax, highest)
		}
		for v := lowest; v <= min(highest, kmsg.RequestForKey(key).MaxVersion()); v++ {
			t.Run(fmt.Sprintf("%s/v%d", kmsg.NameForKey(key), v), func(t *testing.T) { fn(t, key, v) })
		}
	}
}

func TestWhatClientsSendPasses(t *testing.T) {
	g := wire.NewGuard()
	forEachRequest(t, func(t *testing.T, key, version int16) {
		r := rand.New(rand.NewPCG(uint64(key), uint64(version)))
		if want := hostile.Request(key, version, r, 1).IsFlexible(); g.Flexible(key, version) != want {
			t.Fatalf("flexible: %v, kmsg says %v", g.Flexible(key, version), want)
		}
		for range 50 {
			body := hostile.Request(key, version, r, 3).AppendTo(nil)
			if _, err := g.Check(key, version, body); err != nil {
				t.Fatalf("%v\n%x", err, body)
			}
		}
		empty := kmsg.RequestForKey(key)
		empty.SetVersion(version)
		if _, err := g.Check(key, version, empty.AppendTo(nil)); err != nil {
			t.Fatalf("empty request: %v", err)
		}
	})
}

func TestCutBodiesAreRefused(t *testing.T) {
	g := wire.NewGuard()
	forEachRequest(t, func(t *testing.T, key, version int16) {
		r := rand.New(rand.NewPCG(uint64(key), uint64(version)))
		body := hostile.Request(key, version, r, 2).AppendTo(nil)
		for n := range len(body) {
			if _, err := g.Check(key, version, body[:n]); !errors.Is(err, wire.ErrMalformed) {
				t.Fatalf("%d of %d bytes: %v", n, len(body), err)
			}
		}
		if _, err := g.Check(key, version, append(body, 0)); err != nil {
			t.Fatalf("bytes behind the body: %v", err)
		}
	})
}

// What the guard lets pass, kmsg can decode: no later stage has to deal with a half decoded request.
func TestWhatPassesDecodes(t *testing.T) {
	g := wire.NewGuard()
	forEachRequest(t, func(t *testing.T, key, version int16) {
		r := rand.New(rand.NewPCG(uint64(key), uint64(version)))
		for range 200 {
			body := hostile.Request(key, version, r, 2).AppendTo(nil)
			for range 1 + r.IntN(3) {
				if len(body) > 0 {
					body[r.IntN(len(body))] = byte(r.Uint32())
				}
			}
			if _, err := g.Check(key, version, body); err != nil {
				continue
			}
			req := kmsg.RequestForKey(key)
			req.SetVersion(version)
			if err := req.ReadFrom(body); err != nil {
				t.Fatalf("%v\n%x", err, body)
			}
		}
	})
}

func TestCostCoversWhatIsDecoded(t *testing.T) {
	g := wire.NewGuard()
	forEachRequest(t, func(t *testing.T, key, version int16) {
		r := rand.New(rand.NewPCG(uint64(key), uint64(version)))
		for range 3 {
			body := hostile.Request(key, version, r, 8).AppendTo(nil)
			cost, err := g.Check(key, version, body)
			if err != nil {
				t.Fatal(err)
			}
			req := kmsg.RequestForKey(key)
			req.SetVersion(version)
			got := allocated(func() {
				if err := req.ReadFrom(body); err != nil {
					t.Fatal(err)
				}
			})
			if got > 2*cost+1024 {
				t.Errorf("%d bytes on the wire: cost %d, decoding took %d", len(body), cost, got)
			}
		}
	})
}

func allocated(fn func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// librdkafka asks for all topics with a null array of four bytes, of which Metadata version 9 and later read one.
func TestMetadataOfLibrdkafka(t *testing.T) {
	body := []byte{0, 0, 0, 0, 1, 0, 0}
	if _, err := wire.NewGuard().Check(3, 13, body); err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 13
	if err := req.ReadFrom(body); err != nil || req.Topics != nil {
		t.Fatal(req.Topics, err)
	}
}

func TestHostileCounts(t *testing.T) {
	g := wire.NewGuard()
	f := func(name string, key, version int16, body ...byte) {
		t.Helper()
		if _, err := g.Check(key, version, body); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f("2^28-1 tagged fields in a frame of 21 bytes", 18, 3, 1, 1, 0xff, 0xff, 0xff, 0x7f)
	f("2^32-1 tagged fields", 18, 3, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f)
	f("a varint of more than 32 bits", 18, 3, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x7f)
	f("a varint of six bytes", 18, 3, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0)
	f("2^31-1 topics", 3, 1, 0x7f, 0xff, 0xff, 0xff)
	f("minus two topics", 3, 1, 0xff, 0xff, 0xff, 0xfe)
	f("2^32-2 topics", 3, 12, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0)
	f("a string longer than the frame", 10, 0, 0x7f, 0xff, 'a')
	f("a string that may not be null", 10, 0, 0xff, 0xff)
	f("an unknown API", 4, 0)
	f("a version from the future", 18, 99)
	many := []byte{1, 1, 0xff, 0x3f} // 8191 unknown tagged fields of no bytes
	for i := range 8191 {
		many = append(many, byte(i)|0x80, byte(i>>7), 0)
	}
	f("more unknown tagged fields than anyone sends", 18, 3, many...)
}

// A megabyte of the smallest elements may not become more than sixteen, and may not take long.
func TestArraysAreNotAmplified(t *testing.T) {
	const size = 1 << 20
	d := decoding{guard: wire.NewGuard()}
	for key := int16(0); key <= 94; key++ {
		_, highest, ok := d.guard.Versions(key)
		if !ok {
			continue
		}
		req := kmsg.RequestForKey(key)
		req.SetVersion(min(highest, req.MaxVersion()))
		frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID(hostile.ClientID)).AppendRequest(nil, &rawRequest{req}, 1)
		head := len(frame)
		frame = append(frame, make([]byte, size)...)
		binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
		body := frame[head:]
		for _, fill := range []byte{0, 1, 2} {
			for i := range body {
				body[i] = fill
			}
			for at := range 24 { // a count somewhere in front, as large as may be
				copy(body[at:], []byte{0x80, 0x80, 0x10})
				if began := time.Now(); d.frame(frame) != nil || (time.Since(began) > maxCPU && !quickAgain(d.guard, frame)) {
					t.Errorf("%s, filled with %d, a count at %d: too slow or too large", kmsg.NameForKey(key), fill, at)
				}
				body[at], body[at+1], body[at+2] = fill, fill, fill
			}
		}
	}
	for _, c := range d.worst {
		checkMemory(t, d.guard, c.frame)
	}
	if len(d.worst) == 0 {
		t.Error("none passes the guard")
	}
}

// rawRequest has no body.
type rawRequest struct{ kmsg.Request }

func (*rawRequest) AppendTo(dst []byte) []byte { return dst }

func TestGroupMetadata(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for v := int16(0); v <= 3; v++ {
		for range 50 {
			var meta kmsg.ConsumerMemberMetadata
			hostile.Fill(reflect.ValueOf(&meta).Elem(), r, 3)
			meta.Version = v
			if err := wire.CheckSubscription(meta.AppendTo(nil)); err != nil {
				t.Fatalf("subscription v%d: %v", v, err)
			}
			var plan kmsg.ConsumerMemberAssignment
			hostile.Fill(reflect.ValueOf(&plan).Elem(), r, 3)
			plan.Version = v
			if err := wire.CheckAssignment(plan.AppendTo(nil)); err != nil {
				t.Fatalf("assignment v%d: %v", v, err)
			}
		}
	}
	for _, b := range [][]byte{nil, {0}, {0xff, 0xff}, {0, 0, 0x7f, 0xff, 0xff, 0xff}, {0, 1, 0, 0, 0, 9, 0, 1, 'a'}} {
		if err := wire.CheckSubscription(b); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("subscription %x: %v", b, err)
		}
	}
}

func FuzzGuard(f *testing.F) {
	g := wire.NewGuard()
	f.Add(int16(18), int16(3), []byte{1, 1, 0xff, 0xff, 0xff, 0x7f})
	for key := int16(0); key <= 94; key++ {
		lowest, highest, ok := g.Versions(key)
		if !ok {
			continue
		}
		r := rand.New(rand.NewPCG(uint64(key), 0))
		highest = min(highest, kmsg.RequestForKey(key).MaxVersion())
		f.Add(key, lowest, hostile.Request(key, lowest, r, 2).AppendTo(nil))
		f.Add(key, highest, hostile.Request(key, highest, r, 2).AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		cost, err := g.Check(key, version, body)
		if err != nil {
			if !errors.Is(err, wire.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if limit := max(16*int64(len(body)), 1<<20); cost > limit {
			t.Fatalf("%d bytes cost %d", len(body), cost)
		}
		req := kmsg.RequestForKey(key)
		if req == nil || version > req.MaxVersion() {
			return
		}
		req.SetVersion(version)
		if err := req.ReadFrom(body); err != nil {
			t.Fatalf("the guard lets pass what kmsg refuses: %v", err)
		}
	})
}
