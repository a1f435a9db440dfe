package handler

// EndTxn (key 26): versions 0-5.
//
//	v2  PRODUCER_FENCED
//	v3  flexible
//	v4  TRANSACTION_ABORTABLE
//	v5  the epoch is raised, and told in the answer (KIP-890)

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/server"
	"github.com/chortal/chortal/broker/internal/txn"
)

func (x *Txns) endTxn(_ context.Context, _ *server.Conn, req *kmsg.EndTxnRequest, reply func(*kmsg.EndTxnResponse, error)) {
	end := txn.EndRequest{
		TransactionalID: req.TransactionalID, Commit: req.Commit,
		Producer: coordinator.Producer{ID: req.ProducerID, Epoch: req.ProducerEpoch},
	}
	if req.Version >= 5 {
		end.Version = txnVersion
	}
	askTxn(x, req.TransactionalID, func(m *txn.Machine, now time.Time, out *coordinator.Out, reply txn.Reply[coordinator.Producer]) {
		m.End(now, out, end, reply)
	}, func(p coordinator.Producer, err error) {
		if req.Version < 2 {
			err = beforeFenced(err)
		}
		resp := kmsg.NewPtrEndTxnResponse()
		resp.ProducerID, resp.ProducerEpoch = p.ID, p.Epoch
		if err != nil {
			resp.ErrorCode = x.code("EndTxn", req.TransactionalID, err)
			resp.ProducerID, resp.ProducerEpoch = -1, -1
		}
		reply(resp, nil)
	})
}
