package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

func TestAnswersLeaveInTheOrderOfRequests(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		route, calls := produceLater()
		h := start(t, server.Config{Routes: []server.Route{route, heartbeat()}}, true)
		c := h.dial()
		if tcp {
			c = h.dialTCP()
		}
		c.send(1, produceRequest(-1, 10), produceRequest(-1, 10), produceRequest(-1, 10), heartbeatRequest())
		var waiting []deferral[*kmsg.ProduceResponse]
		for range 3 {
			waiting = append(waiting, <-calls) // all three are there at once: they pipeline
		}
		for _, i := range []int{2, 0, 1} {
			waiting[i].reply(kmsg.NewPtrProduceResponse(), nil)
			waiting[i].reply(kmsg.NewPtrProduceResponse(), nil) // a second answer is ignored
		}
		for corr := range int32(4) {
			c.expect(corr + 1)
		}
	}
}

func TestOtherRequestsWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		route, fetches := fetchLater()
		produce, produces := produceLater()
		h := start(t, server.Config{Routes: []server.Route{route, produce}}, false)
		c := h.dial()
		c.send(1, fetchRequest(), produceRequest(-1, 1), fetchRequest())
		first := <-fetches
		synctest.Wait()
		if len(produces)+len(fetches) > 0 {
			t.Fatal("a request was started before the one ahead of it was answered")
		}
		first.reply(server.NewFetchResponse(), nil)
		c.expect(1)
		second := <-produces
		synctest.Wait()
		if len(fetches) > 0 {
			t.Fatal("a fetch was started before the produce ahead of it was answered")
		}
		second.reply(kmsg.NewPtrProduceResponse(), nil)
		c.expect(2)
		(<-fetches).reply(server.NewFetchResponse(), nil)
		c.expect(3)
		h.stop()
	})
}

func TestHeaderOfAnswers(t *testing.T) {
	api := server.On(0, 4, func(_ context.Context, c *server.Conn, _ *kmsg.ApiVersionsRequest) (*kmsg.ApiVersionsResponse, error) {
		if name, version := c.ClientSoftware(); name != "kaf" || version != "1" || c.ClientID() != "tester" {
			return nil, errors.New("client is unknown: " + name + " " + version + " " + c.ClientID())
		}
		return kmsg.NewPtrApiVersionsResponse(), nil
	})
	h := start(t, server.Config{Routes: []server.Route{api, heartbeat()}}, false)
	c := h.dial()

	req := kmsg.NewPtrApiVersionsRequest()
	req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = 3, "kaf", "1"
	c.send(7, req)
	var resp kmsg.ApiVersionsResponse
	resp.Version = 3
	// ApiVersions has no tags in its header, in any version.
	if err := resp.ReadFrom(c.expect(7)); err != nil {
		t.Fatal(err)
	}
	c.send(8, heartbeatRequest())
	if body := c.expect(8); body[0] != 0 || len(body) != 1+4+2+1 {
		t.Fatalf("flexible answer %x", body)
	}
	old := kmsg.NewPtrHeartbeatRequest()
	c.send(9, old)
	if body := c.expect(9); len(body) != 2 {
		t.Fatalf("answer of version 0: %x", body)
	}
}

func TestUnknownApiVersionsVersion(t *testing.T) {
	api := server.On(0, 4, func(context.Context, *server.Conn, *kmsg.ApiVersionsRequest) (*kmsg.ApiVersionsResponse, error) {
		return kmsg.NewPtrApiVersionsResponse(), nil
	})
	h := start(t, server.Config{Routes: []server.Route{api}}, false)
	c := h.dial()
	b := frame(1, kmsg.NewPtrApiVersionsRequest())
	binary.BigEndian.PutUint16(b[6:], 77)
	c.write(b)
	var resp kmsg.ApiVersionsResponse
	if err := resp.ReadFrom(c.expect(1)); err != nil {
		t.Fatal(err)
	}
	if resp.ErrorCode != kerr.UnsupportedVersion.Code || len(resp.ApiKeys) != 1 || resp.ApiKeys[0].MaxVersion != 4 {
		t.Fatalf("%+v", resp)
	}
	c.send(2, kmsg.NewPtrApiVersionsRequest()) // the connection lives on
	c.expect(2)
}

func TestBrokenRequestsCloseTheConnection(t *testing.T) {
	seen := newObserver()
	h := start(t, server.Config{Routes: []server.Route{heartbeat()}, Hooks: seen, MaxRequestBytes: 1000}, true)
	f := func(name, reason string, b []byte) {
		t.Helper()
		for _, c := range []*client{h.dial(), h.dialTCP()} {
			before := seen.count("bad " + reason)
			c.write(b)
			c.ended()
			if seen.count("bad "+reason) != before+1 {
				t.Errorf("%s: not counted as %s", name, reason)
			}
		}
	}
	patch := func(at int, with ...byte) []byte {
		b := frame(1, heartbeatRequest())
		copy(b[at:], with)
		return b
	}
	f("negative size", "size", patch(0, 0xff))
	f("size of nothing", "size", make([]byte, 12))
	f("size beyond the limit", "size", patch(0, 0, 0, 4, 0))
	f("API that is not served", "api", patch(4, 0, 77))
	f("negative API", "api", patch(4, 0xff, 0xff))
	f("version that is not served", "version", patch(6, 0, 9))
	f("client id longer than the frame", "header", patch(12, 0x7f, 0xff))
	f("tag bomb in the header", "header", []byte{0, 0, 0, 15, 0, 12, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f("body cut short", "body", patch(3, byte(len(patch(0))-6))[:len(patch(0))-2])

	honest := h.dial()
	honest.send(1, heartbeatRequest())
	honest.expect(1)
}

func TestPanicClosesOneConnection(t *testing.T) {
	seen := newObserver()
	h := start(t, server.Config{Hooks: seen, Routes: []server.Route{
		heartbeat(),
		server.On(0, 0, func(context.Context, *server.Conn, *kmsg.OffsetDeleteRequest) (*kmsg.OffsetDeleteResponse, error) {
			panic("on purpose")
		}),
		server.OnDeferred(0, 3, func(_ context.Context, _ *server.Conn, _ *kmsg.DeleteGroupsRequest, reply func(*kmsg.DeleteGroupsResponse, error)) {
			go reply(nil, nil) // cannot be encoded
		}),
	}}, false)
	honest := h.dial()
	c := h.dial()
	c.send(1, kmsg.NewPtrOffsetDeleteRequest())
	c.ended()
	c = h.dial()
	c.send(1, kmsg.NewPtrDeleteGroupsRequest())
	c.ended()
	if n := seen.count("panicked"); n != 2 {
		t.Errorf("%d panics counted", n)
	}
	honest.send(1, heartbeatRequest())
	honest.expect(1)
}

func TestErrorOfAHandlerClosesTheConnection(t *testing.T) {
	h := start(t, server.Config{Routes: []server.Route{
		server.On(0, 4, func(context.Context, *server.Conn, *kmsg.HeartbeatRequest) (*kmsg.HeartbeatResponse, error) {
			return nil, errors.New("no field for this")
		}),
	}}, false)
	c := h.dial()
	c.send(1, heartbeatRequest())
	c.ended()
}

func TestAcksZeroIsNotAnswered(t *testing.T) {
	route, calls := produceLater()
	h := start(t, server.Config{Routes: []server.Route{route, heartbeat()}}, false)
	c := h.dial()
	c.send(1, produceRequest(0, 10), heartbeatRequest())
	(<-calls).reply(kmsg.NewPtrProduceResponse(), nil)
	c.expect(2) // nothing came for 1

	c.send(3, produceRequest(0, 10))
	resp := kmsg.NewPtrProduceResponse()
	topic := kmsg.NewProduceResponseTopic()
	p := kmsg.NewProduceResponseTopicPartition()
	p.ErrorCode = kerr.NotLeaderForPartition.Code
	topic.Partitions = append(topic.Partitions, p)
	resp.Topics = append(resp.Topics, topic)
	(<-calls).reply(resp, nil)
	c.ended() // the only way to tell the client of the error
}

func TestAdvertisedAddress(t *testing.T) {
	got := make(chan [2]any, 1)
	route := server.On(0, 4, func(_ context.Context, c *server.Conn, _ *kmsg.HeartbeatRequest) (*kmsg.HeartbeatResponse, error) {
		host, port := c.Advertised()
		got <- [2]any{host, port}
		return kmsg.NewPtrHeartbeatResponse(), nil
	})
	h := start(t, server.Config{Routes: []server.Route{route}}, true)
	nc, err := h.pipe.Dial(context.Background(), "any.name:1234")
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, nc)
	c.send(1, heartbeatRequest())
	c.expect(1)
	if a := <-got; a != [2]any{"any.name", int32(1234)} {
		t.Errorf("in memory: %v", a)
	}
	c = h.dialTCP()
	c.send(1, heartbeatRequest())
	c.expect(1)
	if a := <-got; a[0] != "127.0.0.1" {
		t.Errorf("over TCP: %v", a)
	}
}

func TestThrottleMutesTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		route := server.On(0, 4, func(_ context.Context, c *server.Conn, _ *kmsg.HeartbeatRequest) (*kmsg.HeartbeatResponse, error) {
			c.Throttle(3 * time.Second)
			return kmsg.NewPtrHeartbeatResponse(), nil
		})
		h := start(t, server.Config{Routes: []server.Route{route}}, false)
		c := h.dial()
		began := time.Now()
		c.send(1, heartbeatRequest(), heartbeatRequest())
		c.expect(1)
		if d := time.Since(began); d != 0 {
			t.Errorf("the answer itself waited %v", d)
		}
		c.expect(2)
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("the second request waited %v", d)
		}
		h.stop()
	})
}

func TestLargeFramesAndAnswers(t *testing.T) {
	const size = 5 << 20
	route := server.OnDeferred(3, 13, func(_ context.Context, _ *server.Conn, req *kmsg.ProduceRequest, reply func(*kmsg.ProduceResponse, error)) {
		resp := kmsg.NewPtrProduceResponse()
		topic := kmsg.NewProduceResponseTopic()
		p := kmsg.NewProduceResponseTopicPartition()
		records := req.Topics[0].Partitions[0].Records
		for i := range records {
			if records[i] != byte(i) {
				p.ErrorCode = 1
			}
		}
		topic.Topic = string(bytes.Repeat([]byte("x"), 30000))
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		reply(resp, nil)
	})
	h := start(t, server.Config{Routes: []server.Route{route}}, true)
	for _, c := range []*client{h.dial(), h.dialTCP()} {
		for _, n := range []int{0, 1, 4 << 10, 64 << 10, 1 << 20, 1<<20 + 1, size} {
			req := produceRequest(1, n).(*kmsg.ProduceRequest)
			for i := range req.Topics[0].Partitions[0].Records {
				req.Topics[0].Partitions[0].Records[i] = byte(i)
			}
			c.send(int32(n), req)
			var resp kmsg.ProduceResponse
			resp.Version = 9
			if err := resp.ReadFrom(c.expect(int32(n))[1:]); err != nil {
				t.Fatal(err)
			}
			if resp.Topics[0].Partitions[0].ErrorCode != 0 {
				t.Errorf("%d bytes came in damaged", n)
			}
		}
	}
}

func TestFramesInPieces(t *testing.T) {
	h := start(t, server.Config{Routes: []server.Route{heartbeat()}}, true)
	for _, c := range []*client{h.dial(), h.dialTCP()} {
		b := append(frame(1, heartbeatRequest()), frame(2, heartbeatRequest())...)
		for i := range b {
			c.write(b[i : i+1])
		}
		c.expect(1)
		c.expect(2)
	}
}

func TestClientThatLeavesEarly(t *testing.T) {
	route, calls := produceLater()
	seen := newObserver()
	h := start(t, server.Config{Routes: []server.Route{route}, Hooks: seen}, true)
	for _, c := range []*client{h.dial(), h.dialTCP()} {
		c.send(1, produceRequest(-1, 10), produceRequest(-1, 10))
		one, two := <-calls, <-calls
		c.nc.Close()
		<-one.ctx.Done() // the reader saw it
		one.reply(kmsg.NewPtrProduceResponse(), nil)
		two.reply(kmsg.NewPtrProduceResponse(), nil) // to nobody
	}
	c := h.dial()
	c.write(frame(1, produceRequest(1, 1000))[:100])
	c.nc.Close() // in the middle of a frame
	h.stop()
	if o, c := seen.count("opened"), seen.count("closed"); o != 3 || c != 3 {
		t.Errorf("%d connections opened, %d closed", o, c)
	}
}

// slice is a Slice in memory that knows whether it was released.
type slice struct {
	b        []byte
	memory   bool
	released atomic.Int32
	fail     bool
}

func (s *slice) Len() int64 { return int64(len(s.b)) }
func (s *slice) Release()   { s.released.Add(1) }
func (s *slice) WriteTo(w io.Writer) (int64, error) {
	if s.fail {
		return 0, errors.New("disk broke")
	}
	n, err := w.Write(s.b)
	return int64(n), err
}

func (s *slice) Buffers(dst [][]byte) ([][]byte, bool) {
	if !s.memory {
		return dst, false
	}
	return append(dst, s.b[:len(s.b)/2], s.b[len(s.b)/2:]), true
}

func TestFetchAnswersOfSlices(t *testing.T) {
	route, calls := fetchLater()
	h := start(t, server.Config{Routes: []server.Route{route}}, true)
	answer := func() (*server.FetchResponse, []*slice) {
		resp := server.NewFetchResponse()
		var slices []*slice
		for i := range 3 {
			topic := kmsg.NewFetchResponseTopic()
			topic.Topic = "t"
			var records []server.Slice
			for j := range 3 {
				topic.Partitions = append(topic.Partitions, kmsg.NewFetchResponseTopicPartition())
				s := &slice{b: bytes.Repeat([]byte{byte(10*i + j)}, 1000*(i+j)), memory: j%2 == 0}
				slices = append(slices, s)
				records = append(records, s)
			}
			resp.Topics = append(resp.Topics, topic)
			resp.Records = append(resp.Records, records)
		}
		return resp, slices
	}
	for _, c := range []*client{h.dial(), h.dialTCP()} {
		c.send(1, fetchRequest())
		resp, slices := answer()
		(<-calls).reply(resp, nil)
		var got kmsg.FetchResponse
		got.Version = 12
		if err := got.ReadFrom(c.expect(1)[1:]); err != nil {
			t.Fatal(err)
		}
		for i, s := range slices {
			if records := got.Topics[i/3].Partitions[i%3].RecordBatches; !bytes.Equal(records, s.b) {
				t.Errorf("slice %d: %d bytes, want %d", i, len(records), len(s.b))
			}
		}
		c.send(2, fetchRequest())
		broken, more := answer()
		more[4].fail = true
		(<-calls).reply(broken, nil)
		c.expectBroken()
		h.eventually(func() bool {
			for _, s := range append(slices, more...) {
				if s.released.Load() != 1 {
					return false
				}
			}
			return true
		})
	}
}

// expectBroken reads until the connection ends in the middle of an answer.
func (c *client) expectBroken() {
	c.t.Helper()
	if _, _, err := c.receive(); err == nil {
		c.t.Fatal("a whole answer came")
	}
}

// eventually waits for a condition that no channel tells. The server's goroutines must be done when it is read.
func (h *harness) eventually(cond func() bool) {
	h.t.Helper()
	for range 1000 {
		if cond() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	h.t.Fatal("condition does not come true")
}
