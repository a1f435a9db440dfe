package handler

// InitProducerID (key 22): versions 0-5.
//
//	v2  flexible
//	v3  the id and epoch that the producer has (KIP-360)
//	v4  PRODUCER_FENCED
//	v5  transactions by KIP-890

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

// producerIDBlock is how many producer ids the metadata log gives out at once.
const producerIDBlock = 1000

func (h *Handlers) initProducerID(ctx context.Context, c *server.Conn, req *kmsg.InitProducerIDRequest) (*kmsg.InitProducerIDResponse, error) {
	resp := kmsg.NewPtrInitProducerIDResponse()
	id, err := h.newProducerID(req.TransactionalID)
	if err != nil {
		resp.ErrorCode = h.code(ctx, c, "InitProducerId", err)
		resp.ProducerID, resp.ProducerEpoch = -1, -1
		return resp, nil
	}
	resp.ProducerID, resp.ProducerEpoch = id, 0
	return resp, nil
}

// newProducerID returns an id that no producer had before. A producer without
// a transactional id gets a new one each time it asks, whatever it had.
func (h *Handlers) newProducerID(transactionalID *string) (int64, error) {
	switch {
	case transactionalID != nil && *transactionalID == "":
		return 0, fmt.Errorf("transactional id is empty: %w", kerr.InvalidRequest)
	case transactionalID != nil:
		return 0, fmt.Errorf("transactional id %q, and there is no transaction coordinator: %w", *transactionalID, kerr.UnsupportedVersion)
	}
	h.producerIDs.Lock()
	defer h.producerIDs.Unlock()
	if h.nextProducerID == h.endProducerID {
		if err := h.takeProducerIDs(); err != nil {
			return 0, err
		}
	}
	h.nextProducerID++
	return h.nextProducerID - 1, nil
}

// takeProducerIDs takes the next block, called with producerIDs held. What is
// left of a block when the broker ends is never used.
func (h *Handlers) takeProducerIDs() error {
	for {
		first := h.metadata.Image().NextProducerID()
		_, err := h.metadata.Propose([]metadata.Record{
			&metadata.ProducerIDsRecord{Broker: h.node, Next: first + producerIDBlock},
		})
		if errors.Is(err, kerr.InvalidRequest) && h.metadata.Image().NextProducerID() > first {
			continue // another broker was faster
		}
		if err != nil {
			return fmt.Errorf("take producer ids: %w", err)
		}
		h.nextProducerID, h.endProducerID = first, first+producerIDBlock
		return nil
	}
}
