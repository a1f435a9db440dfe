package wire_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/wire"
	"github.com/chortal/chortal/broker/internal/wire/hostile"
	"github.com/chortal/chortal/internal/recordbatch"
)

// maxCPU is what no frame may cost.
const maxCPU = 100 * time.Millisecond

// decoding is what the server does with the bytes of a connection until a handler is called, and what the handlers do
// with the bytes inside requests.
type decoding struct {
	guard  *wire.Guard
	passed int // frames that reached a handler
	worst  []costly
}

// costly is a frame that takes much memory for its size.
type costly struct {
	frame []byte
	ratio float64
}

// frame decodes one frame.
func (d *decoding) frame(b []byte) error {
	if len(b) < wire.PrefixLen {
		return nil // the server waits for more
	}
	h, rest, err := wire.ParsePrefix(b, 100<<20)
	if err != nil || rest > len(b)-wire.PrefixLen {
		return malformed(err)
	}
	b = b[:wire.PrefixLen+rest]
	lowest, highest, ok := d.guard.Versions(h.Key)
	if !ok || h.Version < lowest || h.Version > highest {
		return nil
	}
	body, err := h.ParseRest(b[wire.PrefixLen:], d.guard.Flexible(h.Key, h.Version), hostile.ClientID)
	if err != nil {
		return malformed(err)
	}
	cost, err := d.guard.Check(h.Key, h.Version, body)
	if err != nil {
		return malformed(err)
	}
	d.passed++
	if allowed := max(16*int64(len(b)), 1<<20); cost > allowed {
		return fmt.Errorf("a frame of %d bytes costs %d", len(b), cost)
	}
	d.remember(b, cost)
	req := kmsg.RequestForKey(h.Key)
	if req == nil || h.Version > req.MaxVersion() {
		return nil
	}
	req.SetVersion(h.Version)
	if err := req.ReadFrom(body); err != nil {
		return fmt.Errorf("the guard lets pass what kmsg refuses: %w", err)
	}
	decodeInside(req)
	return nil
}

func malformed(err error) error {
	if err == nil || errors.Is(err, wire.ErrMalformed) {
		return nil
	}
	return err
}

// remember keeps the frames that take most memory for their size.
func (d *decoding) remember(b []byte, cost int64) {
	ratio := float64(cost) / float64(len(b)+1024)
	if len(d.worst) == 32 && d.worst[0].ratio >= ratio {
		return
	}
	if len(d.worst) == 32 {
		d.worst = d.worst[1:]
	}
	d.worst = append(d.worst, costly{slices.Clone(b), ratio})
	slices.SortFunc(d.worst, func(a, b costly) int { return cmp.Compare(a.ratio, b.ratio) })
}

// decodeInside decodes the bytes that requests carry.
func decodeInside(req kmsg.Request) {
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				decodeRecords(p.Records)
			}
		}
	case *kmsg.JoinGroupRequest:
		for _, p := range r.Protocols {
			_ = wire.CheckSubscription(p.Metadata)
		}
	case *kmsg.SyncGroupRequest:
		for _, a := range r.GroupAssignment {
			_ = wire.CheckAssignment(a.MemberAssignment)
		}
	}
}

func decodeRecords(b []byte) {
	for batch, err := range recordbatch.Split(b) {
		if err != nil || recordbatch.Validate(batch) != nil {
			return
		}
		for _, err := range batch.Records(1 << 20) {
			if err != nil {
				return
			}
		}
	}
}

// batches are record batches of every codec.
func batches(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for codec := recordbatch.None; codec <= recordbatch.Zstd; codec++ {
		b := recordbatch.NewBuilder(recordbatch.Options{Codec: codec})
		b.Append(1000, []byte("k"), []byte("a value that is long enough to be worth it, long enough to be worth it"))
		batch, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, batch)
	}
	return all
}

// hostileFrames is how many frames the tests make: CHORTAL_HOSTILE_FRAMES, or few.
func hostileFrames(t testing.TB) int {
	text := os.Getenv("CHORTAL_HOSTILE_FRAMES")
	if text == "" {
		return 100_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("CHORTAL_HOSTILE_FRAMES: %v", err)
	}
	return n
}

// Whatever a frame says, it is refused or decoded, at once and in little memory.
func TestHostileFrames(t *testing.T) {
	seeds := hostile.NewSeeds(batches(t)...)
	workers := runtime.GOMAXPROCS(0)
	n := hostileFrames(t) / workers
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	parts := make([]decoding, workers)
	var group sync.WaitGroup
	for i := range parts {
		group.Go(func() {
			d, g := &parts[i], hostile.New(seeds, uint64(i))
			d.guard = wire.NewGuard()
			for range n {
				b := g.Next()
				began := time.Now()
				if err := d.frame(b); err != nil {
					t.Errorf("%v\n%x", err, b[:min(len(b), 4096)])
					return
				}
				if time.Since(began) > maxCPU && !quickAgain(d.guard, b) {
					t.Errorf("a frame takes more than %v\n%x", maxCPU, b[:min(len(b), 4096)])
				}
			}
		})
	}
	group.Wait()
	passed := 0
	for i := range parts {
		passed += parts[i].passed
		for _, c := range parts[i].worst {
			checkMemory(t, parts[i].guard, c.frame)
		}
		parts[i].worst = nil
	}
	if passed < n*workers/20 {
		t.Errorf("only %d of %d frames pass the guard: they test nothing behind it", passed, n*workers)
	}
	var after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("%d bytes stay", grown)
	}
	t.Logf("%d frames, %d reach a handler", n*workers, passed)
}

// quickAgain tells whether a frame that took long was held up by others: one that costs much costs it every time.
func quickAgain(g *wire.Guard, b []byte) bool {
	for range 5 {
		d := decoding{guard: g}
		began := time.Now()
		_ = d.frame(b)
		if time.Since(began) <= maxCPU {
			return true
		}
	}
	return false
}

// checkMemory measures what decoding a frame allocates.
func checkMemory(t *testing.T, g *wire.Guard, b []byte) {
	t.Helper()
	d := decoding{guard: g}
	_ = d.frame(b) // what is made once
	d = decoding{guard: g, worst: make([]costly, 32)}
	d.worst[0].ratio = 1e9
	if got := allocated(func() { _ = d.frame(b) }); got > max(16*int64(len(b)), 1<<20) {
		t.Errorf("a frame of %d bytes allocates %d\n%x", len(b), got, b[:min(len(b), 256)])
	}
}

// FuzzConsumerProtocol walks any bytes that members of a group send to each other.
func FuzzConsumerProtocol(f *testing.F) {
	sub := kmsg.ConsumerMemberMetadata{Version: 3, Topics: []string{"ventas"}, UserData: []byte("x")}
	plan := kmsg.ConsumerMemberAssignment{Topics: []kmsg.ConsumerMemberAssignmentTopic{{Topic: "ventas", Partitions: []int32{1, 2}}}}
	f.Add(sub.AppendTo(nil))
	f.Add(plan.AppendTo(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if wire.CheckSubscription(b) == nil {
			m := kmsg.NewConsumerMemberMetadata()
			if err := m.ReadFrom(b); err != nil && len(b) > 1 && b[0] == 0 && b[1] <= 3 {
				t.Errorf("the guard lets pass what kmsg refuses: %v", err)
			}
		}
		_ = wire.CheckAssignment(b)
	})
}
