package handler

import (
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// producerIDBlock is how many producer ids the metadata log gives out at once.
const producerIDBlock = 1000

// producerIDs gives out producer ids that no producer had before.
type producerIDs struct {
	node     int32
	metadata metadata.Controller

	mu        sync.Mutex
	next, end int64 // guarded by mu: what is left of the block
}

func newProducerIDs(node int32, m metadata.Controller) *producerIDs {
	return &producerIDs{node: node, metadata: m}
}

// take gives one id. What is left of a block when the broker ends is never used.
func (p *producerIDs) take() (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == p.end {
		if err := p.takeBlock(); err != nil {
			return 0, err
		}
	}
	p.next++
	return p.next - 1, nil
}

// takeBlock takes the next block, called with mu held.
func (p *producerIDs) takeBlock() error {
	for {
		first := p.metadata.Image().NextProducerID()
		_, err := p.metadata.Propose([]metadata.Record{
			&metadata.ProducerIDsRecord{Broker: p.node, Next: first + producerIDBlock},
		})
		if errors.Is(err, kerr.InvalidRequest) && p.metadata.Image().NextProducerID() > first {
			continue // another broker was faster
		}
		if err != nil {
			return fmt.Errorf("take producer ids: %w", err)
		}
		p.next, p.end = first, first+producerIDBlock
		return nil
	}
}
