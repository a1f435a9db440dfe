package broker_test

import (
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/internal/testcluster"
)

// attack sends one frame, and reads whatever comes until the connection ends or little time passed.
func attack(addr string, b []byte) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(50 * time.Millisecond))
	nc.Write(b)
	io.Copy(io.Discard, nc)
}

// hostile makes a frame that no client sends: random bytes, or a request with some of them changed.
func hostile(r *rand.Rand) []byte {
	if r.IntN(4) == 0 {
		b := make([]byte, r.IntN(200))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	req := kmsg.RequestForKey(int16(r.IntN(95)))
	if req == nil {
		return nil
	}
	req.SetVersion(int16(r.IntN(int(req.MaxVersion()) + 1)))
	b := kmsg.NewRequestFormatter(kmsg.FormatterClientID("x")).AppendRequest(nil, req, 1)
	b = append(b, make([]byte, r.IntN(20))...)
	for range r.IntN(8) {
		b[4+r.IntN(len(b)-4)] = []byte{0, 1, 0x7f, 0x80, 0xff, byte(r.Uint32())}[r.IntN(6)]
	}
	if r.IntN(8) > 0 {
		binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	}
	return b
}

// While others send garbage, a client that behaves is served, and nothing of the garbage stays.
func TestHonestClientBesideHostileOnes(t *testing.T) {
	c := testcluster.Start(t, testcluster.Config{TCP: true})
	client := c.Client(kgo.AllowAutoTopicCreation())
	produce(t, client, "ventas", 0, 10)
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)

	ctx, stop := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer stop()
	var attackers sync.WaitGroup
	for i := range uint64(8) {
		attackers.Go(func() {
			for r := rand.New(rand.NewPCG(i, 7)); ctx.Err() == nil; {
				attack(c.Seeds()[0], hostile(r))
			}
		})
	}
	n, slowest := 10, time.Duration(0)
	for ctx.Err() == nil {
		began := time.Now()
		produce(t, client, "ventas", n, 1)
		slowest = max(slowest, time.Since(began))
		n++
	}
	attackers.Wait()
	consume(t, client, "ventas", n)
	if slowest > time.Second {
		t.Errorf("the honest client waited %v", slowest)
	}
	var after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("%d bytes of garbage stay", grown)
	}
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
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		f.Add(hostile(r))
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
