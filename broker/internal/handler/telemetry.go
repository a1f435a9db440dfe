package handler

import (
	"container/list"
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	// telemetryInterval is Kafka's default time between two pushes of a client.
	telemetryInterval = 5 * time.Minute
	// maxTelemetryClients bounds the clients that are remembered: the one that was heard of least recently goes first.
	maxTelemetryClients = 16384
)

// telemetry is what clients that push metrics (KIP-714) have agreed on with this broker. Nobody here reads the metrics of
// clients, so subscriptions ask for none; what is pushed all the same is checked and let go.
type telemetry struct {
	maxBytes int

	mu      sync.Mutex
	clients map[[16]byte]*list.Element // guarded by mu: of *telemetryClient
	recent  list.List                  // guarded by mu: the client that was heard of last comes first
}

// telemetryClient is one instance of a client.
type telemetryClient struct {
	id           [16]byte
	subscription int32
	got, pushed  time.Time
	terminating  bool
	failed       *kerr.Error // of the last push
}

func newTelemetry(maxBytes int) *telemetry {
	return &telemetry{maxBytes: maxBytes, clients: make(map[[16]byte]*list.Element)}
}

// reservedID tells whether no client may have the id: Kafka keeps 1 for itself, and 0 is none.
func reservedID(id [16]byte) bool { return id == [16]byte{} || id == [16]byte{15: 1} }

// client finds a client, or remembers a new one. t.mu is held.
func (t *telemetry) client(id [16]byte) *telemetryClient {
	if e := t.clients[id]; e != nil {
		t.recent.MoveToFront(e)
		return e.Value.(*telemetryClient)
	}
	if t.recent.Len() >= maxTelemetryClients {
		oldest := t.recent.Back()
		delete(t.clients, oldest.Value.(*telemetryClient).id)
		t.recent.Remove(oldest)
	}
	c := &telemetryClient{id: id, subscription: int32(crc32.ChecksumIEEE(id[:]))}
	t.clients[id] = t.recent.PushFront(c)
	return c
}

// subscribe answers what a client is to push, and gives one without id an id. A client may ask again when it is time to
// push, and at once when it is told that its subscription or its codec is unknown.
func (t *telemetry) subscribe(id [16]byte, now time.Time) (instance [16]byte, subscription int32, err error) {
	if id == ([16]byte{}) {
		rand.Read(id[:])          // never fails
		id[6] = id[6]&0x0f | 4<<4 // a random UUID
		id[8] = id[8]&0x3f | 2<<6 // of RFC 9562
	} else if reservedID(id) {
		return id, 0, fmt.Errorf("client instance id is reserved: %w", kerr.InvalidRequest)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.client(id)
	heard := c.got
	if c.pushed.After(heard) {
		heard = c.pushed
	}
	again := c.failed == kerr.UnknownSubscriptionID || c.failed == kerr.UnsupportedCompressionType
	if !again && !heard.IsZero() && now.Sub(heard) < telemetryInterval {
		return id, 0, fmt.Errorf("subscription asked for too soon: %w", kerr.ThrottlingQuotaExceeded)
	}
	c.got, c.failed = now, nil
	return id, c.subscription, nil
}

// push is a push of metrics.
type push struct {
	id           [16]byte
	subscription int32
	terminating  bool
	codec        int8
	bytes        int
}

// push takes a push: one for each subscription answered, then one in an interval, and a last one at any time.
func (t *telemetry) push(p push, now time.Time) error {
	if reservedID(p.id) {
		return fmt.Errorf("client instance id is reserved: %w", kerr.InvalidRequest)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.client(p.id)
	err := c.check(p, t.maxBytes, now)
	if c.failed = err; err != nil {
		return err
	}
	return nil
}

func (c *telemetryClient) check(p push, maxBytes int, now time.Time) *kerr.Error {
	if c.terminating {
		return kerr.InvalidRequest
	}
	if c.got.After(c.pushed) || now.Sub(c.pushed) >= telemetryInterval {
		c.pushed = now
	} else if !p.terminating {
		return kerr.ThrottlingQuotaExceeded
	}
	c.terminating = p.terminating
	switch {
	case p.subscription != c.subscription:
		return kerr.UnknownSubscriptionID
	case p.codec < 0 || p.codec > 4:
		return kerr.UnsupportedCompressionType
	case p.bytes > maxBytes:
		return kerr.TelemetryTooLarge
	}
	return nil
}
