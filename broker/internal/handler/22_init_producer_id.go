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
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/server"
	"github.com/chortal/chortal/broker/internal/txn"
)

// initProducerID gives a producer without a transactional id a new producer id each time it
// asks, whatever it had. One with a transactional id is the transaction coordinator's.
func (h *Handlers) initProducerID(ctx context.Context, c *server.Conn, req *kmsg.InitProducerIDRequest, reply func(*kmsg.InitProducerIDResponse, error)) {
	done := func(p coordinator.Producer, err error) {
		resp := kmsg.NewPtrInitProducerIDResponse()
		resp.ProducerID, resp.ProducerEpoch = p.ID, p.Epoch
		if err != nil {
			if req.Version < 4 {
				err = beforeFenced(err)
			}
			resp.ErrorCode = h.code(ctx, c, "InitProducerId", err)
			resp.ProducerID, resp.ProducerEpoch = -1, -1
		}
		reply(resp, nil)
	}
	switch {
	case req.TransactionalID == nil:
		id, err := h.producerIDs.take()
		done(coordinator.Producer{ID: id}, err)
	case *req.TransactionalID == "":
		done(coordinator.Producer{}, fmt.Errorf("transactional id is empty: %w", kerr.InvalidRequest))
	case h.txns == nil:
		done(coordinator.Producer{}, fmt.Errorf("transactional id %q, and there is no transaction coordinator: %w", *req.TransactionalID, kerr.UnsupportedVersion))
	default:
		h.txns.initProducerID(req, done)
	}
}

func (x *Txns) initProducerID(req *kmsg.InitProducerIDRequest, done func(coordinator.Producer, error)) {
	init := txn.InitRequest{
		TransactionalID: *req.TransactionalID, TimeoutMs: req.TransactionTimeoutMillis,
		Expected: coordinator.Producer{ID: -1, Epoch: -1},
	}
	if req.Version >= 3 {
		init.Expected = coordinator.Producer{ID: req.ProducerID, Epoch: req.ProducerEpoch}
	}
	if (init.Expected.ID < 0) != (init.Expected.Epoch < 0) {
		done(coordinator.Producer{}, fmt.Errorf("producer id %d with epoch %d: %w", init.Expected.ID, init.Expected.Epoch, kerr.InvalidRequest))
		return
	}
	askTxn(x, init.TransactionalID, func(m *txn.Machine, now time.Time, out *coordinator.Out, reply txn.Reply[coordinator.Producer]) {
		m.InitProducerID(now, out, init, reply)
	}, done)
}

// beforeFenced is what a client hears that does not know PRODUCER_FENCED.
func beforeFenced(err error) error {
	if errors.Is(err, kerr.ProducerFenced) {
		return kerr.InvalidProducerEpoch
	}
	return err
}
