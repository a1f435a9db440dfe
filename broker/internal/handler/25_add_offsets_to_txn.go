package handler

// AddOffsetsToTxn (key 25): versions 0-4.
//
//	v2  PRODUCER_FENCED
//	v3  flexible
//	v4  TRANSACTION_ABORTABLE

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
	"github.com/chortal/chortal/broker/internal/txn"
)

// addOffsetsToTxn adds the partition of __consumer_offsets that holds the group.
func (x *Txns) addOffsetsToTxn(_ context.Context, _ *server.Conn, req *kmsg.AddOffsetsToTxnRequest, reply func(*kmsg.AddOffsetsToTxnResponse, error)) {
	done := func(err error) {
		if req.Version < 2 {
			err = beforeFenced(err)
		}
		resp := kmsg.NewPtrAddOffsetsToTxnResponse()
		resp.ErrorCode = x.code("AddOffsetsToTxn", req.TransactionalID, err)
		reply(resp, nil)
	}
	if err := x.groups.topic.ensure(); err != nil {
		done(err)
		return
	}
	x.add(txn.AddRequest{
		TransactionalID: req.TransactionalID,
		Producer:        coordinator.Producer{ID: req.ProducerID, Epoch: req.ProducerEpoch},
		Partitions:      []txn.TopicPartition{x.offsetsOf(req.Group)},
	}, done)
}

// offsetsOf is the partition that holds the offsets of a group.
func (x *Txns) offsetsOf(group string) txn.TopicPartition {
	return txn.TopicPartition{Topic: metadata.OffsetsTopic, Partition: x.groups.runtime.PartitionFor(group)}
}
