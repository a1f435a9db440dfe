package handler

// WriteTxnMarkers (key 27): versions 1-2.
//
//	v1  flexible
//	v2  the transaction version of the markers (KIP-1228)

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/server"
	"github.com/chortal/chortal/broker/internal/txn"
)

// writeTxnMarkers writes markers for a coordinator elsewhere, or for an administrator who
// aborts a hanging transaction (KIP-664).
func (x *Txns) writeTxnMarkers(_ context.Context, _ *server.Conn, req *kmsg.WriteTxnMarkersRequest, reply func(*kmsg.WriteTxnMarkersResponse, error)) {
	type target struct {
		tp txn.TopicPartition
		m  marker
	}
	var targets []target
	for _, m := range req.Markers {
		for _, t := range m.Topics {
			for _, index := range t.Partitions {
				targets = append(targets, target{
					tp: txn.TopicPartition{Topic: t.Topic, Partition: index},
					m: marker{
						producer: coordinator.Producer{ID: m.ProducerID, Epoch: m.ProducerEpoch},
						commit:   m.Committed, coordinatorEpoch: m.CoordinatorEpoch,
					},
				})
			}
		}
	}
	askAll(len(targets), func(i int, done func(struct{}, error)) {
		x.writeMarker(targets[i].tp, targets[i].m, func(err error) { done(struct{}{}, err) })
	}, func(_ []struct{}, errs []error) {
		resp := kmsg.NewPtrWriteTxnMarkersResponse()
		i := 0
		for _, m := range req.Markers {
			rm := kmsg.NewWriteTxnMarkersResponseMarker()
			rm.ProducerID = m.ProducerID
			for _, t := range m.Topics {
				rt := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
				rt.Topic = t.Topic
				for _, index := range t.Partitions {
					rp := kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
					rp.Partition, rp.ErrorCode = index, x.code("WriteTxnMarkers", "", errs[i])
					rt.Partitions = append(rt.Partitions, rp)
					i++
				}
				rm.Topics = append(rm.Topics, rt)
			}
			resp.Markers = append(resp.Markers, rm)
		}
		reply(resp, nil)
	})
}
