package torture

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// Keys of the requests that the proxy knows.
const (
	keyProduce         = 0
	keyFetch           = 1
	keyOffsetCommit    = 8
	keyOffsetFetch     = 9
	keyInitProducerID  = 22
	keyEndTxn          = 26
	keyTxnOffsetCommit = 28
)

// maxFrame bounds what the proxy takes for a frame.
const maxFrame = 128 << 20

// frame is a request or an answer, without its length.
type frame struct {
	key, version int16
	body         []byte // with the header
}

// mutation makes the broker behind the proxy a wrong one. Each function may be nil.
type mutation struct {
	// request may change a request, or answer it in the broker's place.
	request func(frame) (forward, answer []byte)
	// answer may change an answer; it gets the request as it came.
	answer func(request frame, answer []byte) []byte
}

// proxy stands between the clients and the broker. It forwards frames and harms them on demand.
type proxy struct {
	upstream string
	listener net.Listener
	mutate   mutation
	done     chan struct{}
	running  sync.WaitGroup

	mu     sync.Mutex
	links  map[*link]bool   // guarded by mu
	delay  time.Duration    // guarded by mu; of every frame
	block  [2]chan struct{} // guarded by mu; requests, answers: closed when they may pass
	drop   int              // guarded by mu; so many answers to changes are lost, with their connections
	replay time.Duration    // guarded by mu; if not 0, the next frame is sent again after that time
	hold   time.Duration    // guarded by mu; if not 0, the next frame arrives after that time, its connection is cut
}

// link is one connection of a client.
type link struct {
	client, broker net.Conn
	once           sync.Once
	closed         chan struct{}

	mu    sync.Mutex
	asked map[uint32]frame // guarded by mu; requests without an answer, by correlation id
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.closed)
		l.client.Close()
		l.broker.Close()
	})
}

func newProxy(upstream string, m mutation) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{upstream: upstream, listener: l, mutate: m, done: make(chan struct{}), links: map[*link]bool{}}
	p.running.Go(p.accept)
	return p, nil
}

// dial connects to the proxy, whichever address the broker advertises.
func (p *proxy) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, p.listener.Addr().String())
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		broker, err := net.DialTimeout("tcp", p.upstream, 5*time.Second)
		if err != nil {
			client.Close()
			continue
		}
		l := &link{client: client, broker: broker, closed: make(chan struct{}), asked: map[uint32]frame{}}
		p.mu.Lock()
		p.links[l] = true
		p.mu.Unlock()
		p.running.Go(func() { p.pump(l, l.client, p.request) })
		p.running.Go(func() {
			p.pump(l, l.broker, p.answer)
			p.mu.Lock()
			delete(p.links, l)
			p.mu.Unlock()
		})
	}
}

// pump reads frames until the link ends.
func (p *proxy) pump(l *link, from net.Conn, handle func(*link, []byte) error) {
	defer l.close()
	head := make([]byte, 4)
	for {
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		n := binary.BigEndian.Uint32(head)
		if n > maxFrame {
			return
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		if err := handle(l, body); err != nil {
			return
		}
	}
}

var errCut = errors.New("cut on purpose")

func (p *proxy) request(l *link, body []byte) error {
	if len(body) < 8 {
		return errCut
	}
	f := frame{key: int16(binary.BigEndian.Uint16(body)), version: int16(binary.BigEndian.Uint16(body[2:])), body: body}
	l.mu.Lock()
	l.asked[binary.BigEndian.Uint32(body[4:])] = f
	l.mu.Unlock()
	if err := p.pass(l, 0); err != nil {
		return err
	}
	if p.mutate.request != nil {
		forward, answer := p.mutate.request(f)
		if answer != nil {
			return p.answer(l, answer)
		}
		body = forward
	}
	again, held := p.lateness(f)
	if again > 0 {
		p.later(again, body)
	}
	if held > 0 {
		p.later(held, body)
		return errCut
	}
	return write(l.broker, body)
}

// replayable reports whether a frame may arrive late, or twice: such frames carry a producer's epoch and sequences, or
// the epoch of one transaction, by which a broker has to know them.
func replayable(f frame) bool {
	return f.key == keyProduce || f.key == keyEndTxn && f.version >= 5
}

func (p *proxy) lateness(f frame) (again, held time.Duration) {
	if !replayable(f) {
		return 0, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	again, held = p.replay, p.hold
	p.replay, p.hold = 0, 0
	return again, held
}

// later sends a frame on a connection of its own after a time. Nobody hears the answer.
func (p *proxy) later(after time.Duration, body []byte) {
	p.running.Go(func() {
		select {
		case <-p.done:
			return
		case <-time.After(after):
		}
		c, err := net.DialTimeout("tcp", p.upstream, time.Second)
		if err != nil {
			return
		}
		defer c.Close()
		if err := write(c, body); err != nil {
			return
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.ReadFull(c, make([]byte, 8))
	})
}

func write(c net.Conn, body []byte) error {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b := net.Buffers{head, body}
	_, err := b.WriteTo(c)
	return err
}

// pass waits as long as frames of a direction (0 requests, 1 answers) are held up.
func (p *proxy) pass(l *link, direction int) error {
	p.mu.Lock()
	delay, block := p.delay, p.block[direction]
	p.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-l.closed:
			return errCut
		case <-p.done:
			return errCut
		}
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-l.closed:
			return errCut
		case <-p.done:
			return errCut
		}
	}
	return nil
}

func (p *proxy) answer(l *link, body []byte) error {
	if len(body) < 4 {
		return errCut
	}
	id := binary.BigEndian.Uint32(body)
	l.mu.Lock()
	asked := l.asked[id]
	delete(l.asked, id)
	l.mu.Unlock()
	if p.dropped(asked) {
		return errCut
	}
	if err := p.pass(l, 1); err != nil {
		return err
	}
	if p.mutate.answer != nil && asked.body != nil {
		body = p.mutate.answer(asked, body)
	}
	return write(l.client, body)
}

// dropped decides whether an answer is lost. It concerns requests that have changed something.
func (p *proxy) dropped(f frame) bool {
	if !slices.Contains([]int16{keyProduce, keyOffsetCommit, keyInitProducerID, keyEndTxn, keyTxnOffsetCommit}, f.key) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drop == 0 {
		return false
	}
	p.drop--
	return true
}

// cut ends every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	p.mu.Unlock()
	for _, l := range links {
		l.close()
	}
}

// set changes the faults while mu is held.
func (p *proxy) set(change func(*proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// heal forgets the faults that wait for a frame.
func (p *proxy) heal() {
	p.set(func(p *proxy) {
		p.delay, p.drop, p.replay, p.hold = 0, 0, 0, 0
	})
}

func (p *proxy) close() {
	p.listener.Close()
	close(p.done)
	p.cut()
	p.running.Wait()
}
