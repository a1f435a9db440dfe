package handler

// TxnOffsetCommit (key 28): versions 0-6.
//
//	v2  leader epoch (KIP-320)
//	v3  member, generation (KIP-447); flexible
//	v4  TRANSACTION_ABORTABLE
//	v5  adds the group to the transaction (KIP-890)
//	v6  topics by id

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/server"
	"github.com/chortal/chortal/broker/internal/txn"
)

// txnOffsetCommit is one TxnOffsetCommit on its way: it is checked against the group, then
// against the transaction, and then against the group again, for the transaction may have
// ended in between.
type txnOffsetCommit struct {
	x       *Txns
	req     *kmsg.TxnOffsetCommitRequest // with the topics that exist
	refused []kmsg.TxnOffsetCommitResponseTopic
	tries   int
	reply   func(*kmsg.TxnOffsetCommitResponse, error)
}

func (x *Txns) txnOffsetCommit(_ context.Context, _ *server.Conn, req *kmsg.TxnOffsetCommitRequest, reply func(*kmsg.TxnOffsetCommitResponse, error)) {
	c := &txnOffsetCommit{x: x, req: req, reply: reply}
	img := x.metadata.Image()
	var known []kmsg.TxnOffsetCommitRequestTopic
	for _, t := range req.Topics {
		topic, err := topicOf(img, t.Topic, t.TopicID, req.Version >= 6)
		if err != nil {
			c.refused = append(c.refused, refuseTxnCommit(t, x.code("TxnOffsetCommit", req.TransactionalID, err)))
			continue
		}
		t.Topic, t.TopicID = topic.Name, topic.ID
		known = append(known, t)
	}
	req.Topics = known
	if len(known) == 0 {
		c.done(kmsg.NewPtrTxnOffsetCommitResponse(), nil)
		return
	}
	if err := x.groups.topic.ensure(); err != nil {
		c.done(nil, err)
		return
	}
	c.begin()
}

func refuseTxnCommit(t kmsg.TxnOffsetCommitRequestTopic, code int16) kmsg.TxnOffsetCommitResponseTopic {
	rt := kmsg.NewTxnOffsetCommitResponseTopic()
	rt.Topic, rt.TopicID = t.Topic, t.TopicID
	for _, p := range t.Partitions {
		rp := kmsg.NewTxnOffsetCommitResponseTopicPartition()
		rp.Partition, rp.ErrorCode = p.Partition, code
		rt.Partitions = append(rt.Partitions, rp)
	}
	return rt
}

func (c *txnOffsetCommit) producer() coordinator.Producer {
	return coordinator.Producer{ID: c.req.ProducerID, Epoch: c.req.ProducerEpoch}
}

// begin commits at once if the transaction has committed offsets here before.
func (c *txnOffsetCommit) begin() {
	c.step(func(m *group.Machine, now time.Time, out *coordinator.Out, reply group.Reply[*kmsg.TxnOffsetCommitResponse]) {
		guard, open := m.GuardTxn(c.producer())
		if open {
			m.TxnOffsetCommit(now, out, c.req, reply)
			return
		}
		out.Answer(func(err error) {
			if err != nil {
				reply(nil, err)
				return
			}
			c.lookUp(guard)
		})
	})
}

// lookUp asks the transaction coordinator.
func (c *txnOffsetCommit) lookUp(guard group.TxnGuard) {
	x, req := c.x, c.req
	if req.TransactionalID == "" {
		c.done(nil, fmt.Errorf("transactional id is empty: %w", kerr.InvalidRequest))
		return
	}
	joins := req.Version >= 5
	x.membership(req.TransactionalID, c.producer(), []txn.TopicPartition{x.offsetsOf(req.Group)}, joins, func(belongs []bool, err error) {
		if err == nil && !belongs[0] {
			err = kerr.TransactionAbortable
		}
		if err = lookupError(err, joins, req.Version >= 4); errors.Is(err, kerr.NotEnoughReplicas) {
			err = fmt.Errorf("look up the transaction: %w", kerr.CoordinatorNotAvailable)
		}
		if err != nil {
			c.done(nil, err)
			return
		}
		c.commit(guard)
	})
}

func (c *txnOffsetCommit) commit(guard group.TxnGuard) {
	c.step(func(m *group.Machine, now time.Time, out *coordinator.Out, reply group.Reply[*kmsg.TxnOffsetCommitResponse]) {
		if err := m.CheckTxn(c.producer(), guard); err != nil {
			out.Answer(func(lost error) {
				c.tries++
				switch {
				case lost != nil:
					reply(nil, lost)
				case errors.Is(err, kerr.InvalidTxnState) && c.tries < maxLookups:
					c.begin() // it may have been the end of the transaction before
				default:
					reply(nil, err)
				}
			})
			return
		}
		m.TxnOffsetCommit(now, out, c.req, reply)
	})
}

func (c *txnOffsetCommit) step(step groupStep[*kmsg.TxnOffsetCommitResponse]) {
	ask(c.x.groups, c.req.Group, step, c.done)
}

func (c *txnOffsetCommit) done(resp *kmsg.TxnOffsetCommitResponse, err error) {
	if err != nil {
		resp = kmsg.NewPtrTxnOffsetCommitResponse()
		failed := c.x.code("TxnOffsetCommit", c.req.TransactionalID, err)
		for _, t := range c.req.Topics {
			resp.Topics = append(resp.Topics, refuseTxnCommit(t, failed))
		}
	} else {
		for i := range resp.Topics {
			resp.Topics[i].TopicID = c.req.Topics[i].TopicID
		}
	}
	resp.Topics = append(resp.Topics, c.refused...)
	c.reply(resp, nil)
}
