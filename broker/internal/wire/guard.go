package wire

import (
	"encoding/binary"
	"fmt"
	"sync"
)

//go:generate go run ./generate

// maxUnknownTags bounds the tagged fields that we do not know in one request. No client sends any today; each costs
// the decoder fifty times its bytes.
const maxUnknownTags = 1024

// maxElements bounds the elements of all arrays of one request. It is more partitions than one broker can lead, and few
// enough that whoever walks them, the guard, the decoder and the handler, is done in less than a tenth of a second.
const maxElements = 1 << 18

// A request may take maxGrowth times its bytes when it is decoded, or minAllowed. Requests of clients take less than a
// third of that, those made of the smallest elements alone take more.
const (
	maxGrowth  = 16
	minAllowed = 1 << 20
)

// Guard knows the shape of every request. It is immutable and serves all connections.
type Guard struct {
	byKey [][]*shape // by key and version; nil where there is no such request
}

// NewGuard returns the guard of all requests in the table.
func NewGuard() *Guard { return compiled() }

// compiled builds the shapes of all versions once; they never change after.
var compiled = sync.OnceValue(func() *Guard {
	g := &Guard{}
	all := requests()
	for i, m := range all {
		newest := &all[i] // the shapes of a key follow each other, the newest last
		for j := i; j < len(all) && all[j].key == m.key; j++ {
			newest = &all[j]
		}
		for len(g.byKey) <= int(m.key) {
			g.byKey = append(g.byKey, nil)
		}
		for len(g.byKey[m.key]) <= int(m.max) {
			g.byKey[m.key] = append(g.byKey[m.key], nil)
		}
		for v := m.min; v <= m.max; v++ {
			g.byKey[m.key][v] = compile(&m, newest, v)
		}
	}
	return g
})

// Versions are the lowest and the highest version of a request that the guard knows.
func (g *Guard) Versions(key int16) (lowest, highest int16, ok bool) {
	if key < 0 || int(key) >= len(g.byKey) || len(g.byKey[key]) == 0 {
		return 0, 0, false
	}
	versions := g.byKey[key]
	for versions[lowest] == nil {
		lowest++
	}
	return lowest, int16(len(versions) - 1), true
}

// Flexible tells whether the request's header and body end in tagged fields.
func (g *Guard) Flexible(key, version int16) bool {
	s := g.shape(key, version)
	return s != nil && s.flexible
}

func (g *Guard) shape(key, version int16) *shape {
	if key < 0 || int(key) >= len(g.byKey) || version < 0 || int(version) >= len(g.byKey[key]) {
		return nil
	}
	return g.byKey[key][version]
}

// Check walks the body of a request. It returns an error that wraps ErrMalformed if a count or a length cannot be true,
// if the body is cut short, or if decoding it would take out of all proportion. Bytes behind the body are allowed, as in Kafka: librdkafka sends three of them behind the
// Metadata request for all topics. cost is about the number of bytes that the decoded request takes beside
// the frame, which its byte fields alias.
func (g *Guard) Check(key, version int16, body []byte) (cost int64, err error) {
	s := g.shape(key, version)
	if s == nil {
		return 0, fmt.Errorf("API %d version %d is unknown: %w", key, version, ErrMalformed)
	}
	w := walker{b: body, cost: s.size}
	w.shape(s)
	if w.err != nil {
		return 0, fmt.Errorf("API %d version %d: %w", key, version, w.err)
	}
	if w.cost > max(maxGrowth*int64(len(body)), minAllowed) {
		return 0, fmt.Errorf("API %d version %d: %d bytes take %d when they are decoded: %w", key, version, len(body), w.cost, ErrMalformed)
	}
	return w.cost, nil
}

// CheckSubscription walks what a consumer of a classic group tells the group's leader: Kafka's
// ConsumerProtocolSubscription, kmsg's ConsumerMemberMetadata, with its version in front. Bytes behind it, of versions
// that we do not know, are allowed.
func CheckSubscription(b []byte) error { return checkVersioned(b, subscriptions()) }

// CheckAssignment is CheckSubscription for what the leader answers: ConsumerProtocolAssignment, kmsg's
// ConsumerMemberAssignment.
func CheckAssignment(b []byte) error { return checkVersioned(b, assignments()) }

var (
	subscriptions = sync.OnceValue(func() []*shape { return compileAll(consumerProtocolSubscription()) })
	assignments   = sync.OnceValue(func() []*shape { return compileAll(consumerProtocolAssignment()) })
)

func compileAll(m message) []*shape {
	all := make([]*shape, m.max+1)
	for v := range all {
		all[v] = compile(&m, &m, int16(v))
	}
	return all
}

func checkVersioned(b []byte, shapes []*shape) error {
	if len(b) < 2 {
		return fmt.Errorf("version of 2 bytes needed, %d left: %w", len(b), ErrMalformed)
	}
	version := int16(binary.BigEndian.Uint16(b))
	if version < 0 {
		return fmt.Errorf("version %d: %w", version, ErrMalformed)
	}
	w := walker{b: b, at: 2}
	w.shape(shapes[min(int(version), len(shapes)-1)])
	return w.err
}
