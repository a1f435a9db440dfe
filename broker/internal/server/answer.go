package server

import (
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answer is one request on its way: from the moment its route is called until its bytes are on the socket. Answers of
// a connection form a queue in the order of the requests.
type answer struct {
	conn    *Conn
	route   *Route
	version int16
	corr    int32
	bytes   int  // of the request without its header
	silent  bool // Produce with acks=0: nothing is sent

	frame   *buffer // goes back to the pool when the answer is given; nil if the collector has it
	held    int64   // bytes of the frame budget
	small   bool    // which of the frame budgets
	decoded int64   // bytes of the decode budget
	read    time.Time
	given   time.Time

	// guarded by conn.mu
	done  bool // reply was called
	ready bool // the answer is encoded
	next  *answer

	// Written by reply before done is set, then read by the writer.
	head *buffer // the encoded answer but for its slices
	cuts []cut   // where slices go into head
	few  [2]cut  // the room of cuts for the answer of one partition
	size int64   // bytes of the whole answer
}

// cut is the place of a slice in an encoded answer: behind the first at bytes of head.
type cut struct {
	at    int
	slice Slice
}

// reply is what a handler calls, from any goroutine.
func (a *answer) reply(resp kmsg.Response, err error) {
	c := a.conn
	c.mu.Lock()
	if a.done {
		c.mu.Unlock()
		releaseResponse(resp)
		return
	}
	a.done = true
	c.mu.Unlock()

	a.given = time.Now()
	if err == nil {
		if c.server.cfg.Quotas.Enabled() {
			a.charge(resp)
		}
		err = a.encode(resp)
	} else {
		err = fmt.Errorf("answer %s: %w", a.route.Name(), err)
	}
	a.releaseRequest()
	if err != nil {
		a.releaseAnswer()
		c.log.Warn("connection closed", "api", a.route.Name(), "version", a.version, "client", c.RemoteAddr().String(), "err", err)
		c.close()
	}
	c.answered(a)
}

// encode puts the answer into bytes. A panic of the encoder, for a response that its handler filled wrongly, is an
// error: it may happen on a goroutine that serves many connections.
func (a *answer) encode(resp kmsg.Response) (err error) {
	defer func() {
		if p := recover(); p != nil {
			a.conn.server.hooks.Panicked(a.route.key)
			a.conn.log.Error("panic in encoding an answer", "api", a.route.Name(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("encode %s: panic: %v", a.route.Name(), p)
		}
	}()
	if a.silent {
		return silentError(resp)
	}
	resp.SetVersion(a.version)
	a.head = a.conn.server.pool.get(encodeSize(a.route.key))
	dst := a.head.b[:0]
	dst = append(dst, 0, 0, 0, 0)
	dst = kbin.AppendInt32(dst, a.corr)
	if resp.IsFlexible() && a.route.key != apiVersionsKey {
		dst = append(dst, 0)
	}
	switch r := resp.(type) {
	case *FetchResponse:
		dst, a.cuts = r.appendTo(dst, a.few[:0])
	case *kmsg.ProduceResponse:
		dst = appendProduce(dst, r)
	default:
		dst = resp.AppendTo(dst)
	}
	a.head.b = dst
	a.size = int64(len(dst))
	for _, c := range a.cuts {
		a.size += c.slice.Len()
	}
	if a.size-4 > maxAnswerBytes {
		return fmt.Errorf("encode %s: answer of %d bytes", a.route.Name(), a.size)
	}
	binary.BigEndian.PutUint32(dst, uint32(a.size-4))
	return nil
}

// maxAnswerBytes is what the size field of a frame can say.
const maxAnswerBytes = 1<<31 - 1

func encodeSize(key int16) int {
	if key == fetchKey {
		return 16 << 10
	}
	return 1 << minPooledBits
}

// silentError is the error of an answer that is not sent: Kafka closes the connection of a producer with acks=0 when
// a write failed, which is its only way to say so.
func silentError(resp kmsg.Response) error {
	p, ok := resp.(*kmsg.ProduceResponse)
	if !ok {
		return nil
	}
	for i := range p.Topics {
		for j := range p.Topics[i].Partitions {
			if code := p.Topics[i].Partitions[j].ErrorCode; code != 0 {
				return fmt.Errorf("produce with acks=0 to %s-%d: error code %d", p.Topics[i].Topic, p.Topics[i].Partitions[j].Partition, code)
			}
		}
	}
	return nil
}

// releaseRequest gives back what the request held.
func (a *answer) releaseRequest() {
	s := a.conn.server
	s.pool.put(a.frame)
	a.frame = nil
	s.decode.give(a.decoded)
	s.frames(a.small).give(a.held)
	a.decoded, a.held = 0, 0
}

// releaseAnswer frees the encoded answer, written or not.
func (a *answer) releaseAnswer() {
	for i := range a.cuts {
		a.cuts[i].slice.Release()
	}
	a.cuts = nil
	a.conn.server.pool.put(a.head)
	a.head = nil
	a.size = 0
}

func releaseResponse(resp kmsg.Response) {
	if f, ok := resp.(*FetchResponse); ok && f != nil {
		f.Release()
	}
}
