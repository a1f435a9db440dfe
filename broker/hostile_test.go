package broker_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/wire/hostile"
	"github.com/chortal/chortal/internal/testcluster"
)

const (
	attackers = 16
	// tooLong is what no request may cost. It is measured by the clock, so that one that takes longer on a busy machine
	// is tried again alone.
	tooLong = 100 * time.Millisecond
	// attackerPatience is how long an attacker waits for an answer.
	attackerPatience = 2 * time.Second
)

// probe is a request that follows each hostile frame: once it is answered, the frame has been dealt with.
func probe() []byte {
	return kmsg.NewRequestFormatter().AppendRequest(nil, kmsg.NewPtrApiVersionsRequest(), probeID)
}

const probeID = 0x7ead0001

// attacker sends frames one by one, on one connection for as long as the server leaves it open.
type attacker struct {
	addr  string
	probe []byte
	nc    net.Conn // nil: not connected
	in    *bufio.Reader
	out   []byte
}

// send sends a frame and waits until the server has dealt with it: it answers, or it closes the connection. It returns
// false if neither happens for long. Bytes behind the end of the frame are not sent: they would hide the probe.
func (a *attacker) send(frame []byte) (done bool, err error) {
	if a.nc == nil {
		nc, err := net.Dial("tcp", a.addr)
		if err != nil {
			return false, err
		}
		_ = nc.(*net.TCPConn).SetLinger(0) // no port stays taken
		a.nc, a.in = nc, bufio.NewReaderSize(nc, 512)
	}
	size := -1 // of what the server takes for a frame
	if len(frame) >= 4 {
		size = 4 + int(int32(binary.BigEndian.Uint32(frame)))
	}
	if size < 4 || size > len(frame) {
		_, _ = a.nc.Write(frame) // the server waits for the rest, or closes
		a.close()
		return true, nil
	}
	frame = frame[:size]
	a.out = append(append(a.out[:0], frame...), a.probe...)
	if _, err := a.nc.Write(a.out); err != nil {
		a.close()
		return true, nil
	}
	patience := attackerPatience
	if waits(frame) {
		patience = 5 * time.Millisecond
	}
	_ = a.nc.SetReadDeadline(time.Now().Add(patience))
	for {
		var head [8]byte
		if _, err := io.ReadFull(a.in, head[:]); err != nil {
			a.close()
			return !os.IsTimeout(err) || waits(frame), nil
		}
		if _, err := a.in.Discard(int(binary.BigEndian.Uint32(head[:])) - 4); err != nil {
			a.close()
			return !os.IsTimeout(err) || waits(frame), nil
		}
		if binary.BigEndian.Uint32(head[4:]) == probeID {
			return true, nil
		}
	}
}

func (a *attacker) close() {
	if a.nc != nil {
		_ = a.nc.Close()
		a.nc = nil
	}
}

// waits tells whether the answer to a request may wait for an event: Fetch, JoinGroup, SyncGroup, ShareFetch.
func waits(frame []byte) bool {
	return len(frame) >= 6 && slices.Contains([]uint16{1, 11, 14, 78}, binary.BigEndian.Uint16(frame[4:]))
}

// hostileSends is how many frames are sent: CHORTAL_HOSTILE_SENDS, or few.
func hostileSends(t *testing.T) int64 {
	text := os.Getenv("CHORTAL_HOSTILE_SENDS")
	if text == "" {
		return 20_000
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("CHORTAL_HOSTILE_SENDS: %v", err)
	}
	return n
}

// While others send frames that no client sends, a client that behaves is served; no frame takes long, and the server
// stays small.
func TestHonestClientBesideHostileOnes(t *testing.T) {
	p := testcluster.StartProcess(t, t.TempDir(), map[string]string{"durability": "none", "auto.create.topics.enable": "false"})
	client, err := kgo.NewClient(kgo.SeedBrokers(p.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, nil, "ventas"); err != nil {
		t.Fatal(err)
	}
	produce(t, client, "ventas", 0, 10)

	seeds, all := hostile.NewSeeds(), hostileSends(t)
	var sent atomic.Int64
	var alone sync.RWMutex
	var group sync.WaitGroup
	for i := range uint64(attackers) {
		group.Go(func() {
			a := &attacker{addr: p.Addr(), probe: probe()}
			defer a.close()
			for g := hostile.New(seeds, i); sent.Add(1) <= all && !t.Failed(); {
				attack(t, &alone, a, g.Next())
			}
		})
	}
	over := make(chan struct{})
	go func() {
		group.Wait()
		close(over)
	}()
	n, slowest := 10, time.Duration(0)
	for running := true; running; {
		began := time.Now()
		produce(t, client, "ventas", n, 1)
		slowest = max(slowest, time.Since(began))
		n++
		select {
		case <-over:
			running = false
		case <-time.After(5 * time.Millisecond):
		}
	}
	consume(t, client, "ventas", n)
	if slowest > 15*time.Second {
		t.Errorf("the honest client waited %v", slowest)
	}
	if log := p.Log(); strings.Contains(log, "panic") {
		t.Errorf("a handler panicked:\n%s", log)
	}
	most := peakMemory(t, p.PID())
	if most > 256<<20 {
		t.Errorf("the server took %d bytes", most)
	}
	t.Logf("%d frames, %d honest records, the slowest after %v, %d MB at most", all, n, slowest, most>>20)
	if d := p.Terminate(); d > 5*time.Second {
		t.Errorf("SIGTERM took %v", d)
	}
}

// attack sends one frame. If it takes long, it is sent again while the others pause.
func attack(t *testing.T, alone *sync.RWMutex, a *attacker, frame []byte) {
	alone.RLock()
	quick, err := a.quick(frame)
	alone.RUnlock()
	if quick && err == nil {
		return
	}
	alone.Lock()
	defer alone.Unlock()
	for try := 0; !quick && err == nil; try++ {
		if try == 20 {
			t.Errorf("a frame takes more than %v:\n%x", tooLong, frame[:min(len(frame), 4096)])
			return
		}
		quick, err = a.quick(frame)
	}
	if err != nil {
		t.Errorf("connect: %v", err)
	}
}

// quick sends one frame and tells whether it was dealt with in time.
func (a *attacker) quick(frame []byte) (bool, error) {
	began := time.Now()
	done, err := a.send(frame)
	return done && (time.Since(began) < tooLong || waits(frame)), err
}

// peakMemory is the most memory that a process had, 0 where the system does not tell.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// Frames that made other servers spin or swell: each is refused at once.
func TestKnownBombs(t *testing.T) {
	c := testcluster.Start(t, testcluster.Config{TCP: true})
	bombs := map[string][]byte{
		"tags of ApiVersions": {0, 0, 0, 17, 0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0, 1, 1, 0xff, 0xff, 0xff, 0x3f},
		"tags of the header":  {0, 0, 0, 15, 0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0},
		"2^31 topics":         {0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff},
	}
	for name, b := range bombs {
		nc, err := net.Dial("tcp", c.Seeds()[0])
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		nc.SetDeadline(began.Add(5 * time.Second))
		if _, err := nc.Write(b); err != nil {
			t.Fatal(err)
		}
		if n, err := nc.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		if d := time.Since(began); d > time.Second {
			t.Errorf("%s: refused after %v", name, d)
		}
		nc.Close()
	}
}

// FuzzFrame sends any bytes to the whole broker: it answers or closes, and lives on.
func FuzzFrame(f *testing.F) {
	g := hostile.New(hostile.NewSeeds(), 1)
	for range 100 {
		f.Add(slices.Clone(g.Next()))
	}
	c := testcluster.Start(f, testcluster.Config{Properties: map[string]string{"auto.create.topics.enable": "false"}})
	dial := c.Dialer()
	f.Fuzz(func(t *testing.T, b []byte) {
		nc, err := dial(context.Background(), "tcp", "x")
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(20 * time.Millisecond))
		nc.Write(b)
		io.Copy(io.Discard, nc)

		honest, err := dial(context.Background(), "tcp", "x")
		if err != nil {
			t.Fatal(err)
		}
		defer honest.Close()
		honest.SetDeadline(time.Now().Add(2 * time.Second))
		req := kmsg.NewPtrApiVersionsRequest()
		honest.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 7))
		var head [8]byte
		if _, err := io.ReadFull(honest, head[:]); err != nil || head[7] != 7 {
			t.Fatalf("after %x an honest client gets %x, %v", b, head, err)
		}
	})
}
