package handler

// AddPartitionsToTxn (key 24): versions 0-5.
//
//	v2  PRODUCER_FENCED
//	v3  flexible, the last that clients send
//	v4  several transactions; verification only (KIP-890)
//	v5  TRANSACTION_ABORTABLE

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/server"
	"github.com/chortal/chortal/broker/internal/txn"
)

func (x *Txns) addPartitionsToTxn(_ context.Context, _ *server.Conn, req *kmsg.AddPartitionsToTxnRequest, reply func(*kmsg.AddPartitionsToTxnResponse, error)) {
	txns := req.Transactions
	if req.Version < 4 {
		txns = []kmsg.AddPartitionsToTxnRequestTransaction{oneTransaction(req)}
	}
	askAll(len(txns), func(i int, done func(kmsg.AddPartitionsToTxnResponseTransaction, error)) {
		x.addTo(&txns[i], req.Version, func(resp kmsg.AddPartitionsToTxnResponseTransaction) { done(resp, nil) })
	}, func(answers []kmsg.AddPartitionsToTxnResponseTransaction, _ []error) {
		resp := kmsg.NewPtrAddPartitionsToTxnResponse()
		if resp.Transactions = answers; req.Version < 4 {
			resp.Transactions, resp.Topics = nil, beforeTransactions(answers[0])
		}
		reply(resp, nil)
	})
}

// oneTransaction gives a client's request the form of a broker's.
func oneTransaction(req *kmsg.AddPartitionsToTxnRequest) kmsg.AddPartitionsToTxnRequestTransaction {
	t := kmsg.NewAddPartitionsToTxnRequestTransaction()
	t.TransactionalID, t.ProducerID, t.ProducerEpoch = req.TransactionalID, req.ProducerID, req.ProducerEpoch
	for _, topic := range req.Topics {
		tt := kmsg.NewAddPartitionsToTxnRequestTransactionTopic()
		tt.Topic, tt.Partitions = topic.Topic, topic.Partitions
		t.Topics = append(t.Topics, tt)
	}
	return t
}

func beforeTransactions(t kmsg.AddPartitionsToTxnResponseTransaction) []kmsg.AddPartitionsToTxnResponseTopic {
	var topics []kmsg.AddPartitionsToTxnResponseTopic
	for _, topic := range t.Topics {
		rt := kmsg.NewAddPartitionsToTxnResponseTopic()
		rt.Topic = topic.Topic
		for _, p := range topic.Partitions {
			rp := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, p.ErrorCode
			rt.Partitions = append(rt.Partitions, rp)
		}
		topics = append(topics, rt)
	}
	return topics
}

// addTo adds the partitions of one transaction, all or none of them.
func (x *Txns) addTo(req *kmsg.AddPartitionsToTxnRequestTransaction, version int16, reply func(kmsg.AddPartitionsToTxnResponseTransaction)) {
	var partitions []txn.TopicPartition
	missing := make(map[txn.TopicPartition]bool)
	for _, t := range req.Topics {
		for _, index := range t.Partitions {
			tp := txn.TopicPartition{Topic: t.Topic, Partition: index}
			partitions = append(partitions, tp)
			if !x.exists(t.Topic, index) {
				missing[tp] = true
			}
		}
	}
	each := func(code func(i int, tp txn.TopicPartition) int16) {
		resp := kmsg.NewAddPartitionsToTxnResponseTransaction()
		resp.TransactionalID = req.TransactionalID
		i := 0
		for _, t := range req.Topics {
			rt := kmsg.NewAddPartitionsToTxnResponseTransactionTopic()
			rt.Topic = t.Topic
			for _, index := range t.Partitions {
				rp := kmsg.NewAddPartitionsToTxnResponseTransactionTopicPartition()
				rp.Partition, rp.ErrorCode = index, code(i, partitions[i])
				rt.Partitions = append(rt.Partitions, rp)
				i++
			}
			resp.Topics = append(resp.Topics, rt)
		}
		reply(resp)
	}
	if len(missing) > 0 {
		each(func(_ int, tp txn.TopicPartition) int16 {
			if missing[tp] {
				return kerr.UnknownTopicOrPartition.Code
			}
			return kerr.OperationNotAttempted.Code
		})
		return
	}
	p := coordinator.Producer{ID: req.ProducerID, Epoch: req.ProducerEpoch}
	if req.VerifyOnly {
		x.membership(req.TransactionalID, p, partitions, false, func(belongs []bool, err error) {
			all := x.code("AddPartitionsToTxn", req.TransactionalID, err)
			each(func(i int, _ txn.TopicPartition) int16 {
				switch {
				case all != 0 || belongs[i]:
					return all
				case version >= 5:
					return kerr.TransactionAbortable.Code
				}
				return kerr.InvalidTxnState.Code
			})
		})
		return
	}
	add := txn.AddRequest{TransactionalID: req.TransactionalID, Producer: p, Partitions: partitions}
	if version >= 4 {
		add.Version = txnVersion
	}
	x.add(add, func(err error) {
		if version < 2 {
			err = beforeFenced(err)
		}
		all := x.code("AddPartitionsToTxn", req.TransactionalID, err)
		each(func(int, txn.TopicPartition) int16 { return all })
	})
}

func (x *Txns) add(req txn.AddRequest, done func(error)) {
	askTxn(x, req.TransactionalID, func(m *txn.Machine, now time.Time, out *coordinator.Out, reply txn.Reply[struct{}]) {
		m.AddPartitions(now, out, req, reply)
	}, func(_ struct{}, err error) { done(err) })
}
