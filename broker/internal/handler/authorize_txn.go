package handler

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// guardInitProducerID needs WRITE on the transactional id; without one,
// IDEMPOTENT_WRITE on the cluster or WRITE on any topic (KIP-679).
func guardInitProducerID(a *access, req *kmsg.InitProducerIDRequest) verdict[*kmsg.InitProducerIDResponse] {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	switch {
	case req.TransactionalID != nil && !a.transaction(kmsg.ACLOperationWrite, *req.TransactionalID):
		resp.ErrorCode = transactionRefused
		return denied(resp)
	case req.TransactionalID == nil && !a.cluster(kmsg.ACLOperationIdempotentWrite) &&
		!a.rules.AllowsAny(a.principal, a.host, kmsg.ACLOperationWrite, kmsg.ACLResourceTypeTopic):
		resp.ErrorCode = clusterRefused
		return denied(resp)
	}
	return passed[*kmsg.InitProducerIDResponse]()
}

// guardAddPartitionsToTxn needs WRITE on the transactional id and all topics:
// one that is refused keeps the others from being added. From version 4 on only
// brokers may ask.
func guardAddPartitionsToTxn(a *access, req *kmsg.AddPartitionsToTxnRequest) verdict[*kmsg.AddPartitionsToTxnResponse] {
	resp := kmsg.NewPtrAddPartitionsToTxnResponse()
	if req.Version >= 4 {
		if a.cluster(kmsg.ACLOperationClusterAction) {
			return passed[*kmsg.AddPartitionsToTxnResponse]()
		}
		resp.ErrorCode = clusterRefused
		return denied(resp)
	}
	mayWrite := func(t *kmsg.AddPartitionsToTxnRequestTopic) bool { return a.topic(kmsg.ACLOperationWrite, t.Topic) }
	id := a.transaction(kmsg.ACLOperationWrite, req.TransactionalID)
	if _, refused := divide(req.Topics, mayWrite); id && len(refused) == 0 {
		return passed[*kmsg.AddPartitionsToTxnResponse]()
	}
	for i := range req.Topics {
		code := kerr.OperationNotAttempted.Code
		switch {
		case !id:
			code = transactionRefused
		case !mayWrite(&req.Topics[i]):
			code = topicRefused
		}
		out := kmsg.NewAddPartitionsToTxnResponseTopic()
		out.Topic = req.Topics[i].Topic
		for _, p := range req.Topics[i].Partitions {
			out.Partitions = append(out.Partitions, kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p, ErrorCode: code})
		}
		resp.Topics = append(resp.Topics, out)
	}
	return denied(resp)
}

func guardAddOffsetsToTxn(a *access, req *kmsg.AddOffsetsToTxnRequest) verdict[*kmsg.AddOffsetsToTxnResponse] {
	resp := kmsg.NewPtrAddOffsetsToTxnResponse()
	switch {
	case !a.transaction(kmsg.ACLOperationWrite, req.TransactionalID):
		resp.ErrorCode = transactionRefused
	case !a.group(kmsg.ACLOperationRead, req.Group):
		resp.ErrorCode = groupRefused
	default:
		return passed[*kmsg.AddOffsetsToTxnResponse]()
	}
	return denied(resp)
}

func guardEndTxn(a *access, req *kmsg.EndTxnRequest) verdict[*kmsg.EndTxnResponse] {
	if a.transaction(kmsg.ACLOperationWrite, req.TransactionalID) {
		return passed[*kmsg.EndTxnResponse]()
	}
	resp := kmsg.NewPtrEndTxnResponse()
	resp.ErrorCode, resp.ProducerID, resp.ProducerEpoch = transactionRefused, -1, -1
	return denied(resp)
}

// guardWriteTxnMarkers needs ALTER, for the abort of a hanging transaction, or
// CLUSTER_ACTION on the cluster.
func guardWriteTxnMarkers(a *access, req *kmsg.WriteTxnMarkersRequest) verdict[*kmsg.WriteTxnMarkersResponse] {
	if a.cluster(kmsg.ACLOperationAlter) || a.cluster(kmsg.ACLOperationClusterAction) {
		return passed[*kmsg.WriteTxnMarkersResponse]()
	}
	resp := kmsg.NewPtrWriteTxnMarkersResponse()
	for _, m := range req.Markers {
		marker := kmsg.NewWriteTxnMarkersResponseMarker()
		marker.ProducerID = m.ProducerID
		for _, t := range m.Topics {
			topic := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
			topic.Topic = t.Topic
			for _, p := range t.Partitions {
				topic.Partitions = append(topic.Partitions, kmsg.WriteTxnMarkersResponseMarkerTopicPartition{Partition: p, ErrorCode: clusterRefused})
			}
			marker.Topics = append(marker.Topics, topic)
		}
		resp.Markers = append(resp.Markers, marker)
	}
	return denied(resp)
}

// guardTxnOffsetCommit needs WRITE on the transactional id, READ on the group
// and on each topic.
func guardTxnOffsetCommit(a *access, req *kmsg.TxnOffsetCommitRequest) verdict[*kmsg.TxnOffsetCommitResponse] {
	kept, refused, failed := req.Topics[:0], req.Topics, int16(0)
	switch {
	case !a.transaction(kmsg.ACLOperationWrite, req.TransactionalID):
		failed = transactionRefused
	case !a.group(kmsg.ACLOperationRead, req.Group):
		failed = groupRefused
	default:
		failed = topicRefused
		kept, refused = divide(req.Topics, func(t *kmsg.TxnOffsetCommitRequestTopic) bool {
			return a.topic(kmsg.ACLOperationRead, t.Topic)
		})
	}
	finish := func(resp *kmsg.TxnOffsetCommitResponse) {
		for _, t := range refused {
			out := kmsg.NewTxnOffsetCommitResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				out.Partitions = append(out.Partitions, kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: failed})
			}
			resp.Topics = append(resp.Topics, out)
		}
	}
	if len(kept) == 0 && (len(refused) > 0 || failed != topicRefused) {
		resp := kmsg.NewPtrTxnOffsetCommitResponse()
		finish(resp)
		return denied(resp)
	}
	req.Topics = kept
	return edited(finish)
}

// guardDescribeTransactions needs DESCRIBE on each transactional id, and leaves
// out the topics that the client may not describe.
func guardDescribeTransactions(a *access, req *kmsg.DescribeTransactionsRequest) verdict[*kmsg.DescribeTransactionsResponse] {
	kept, refused := divide(req.TransactionalIDs, func(id *string) bool { return a.transaction(kmsg.ACLOperationDescribe, *id) })
	req.TransactionalIDs = kept
	return edited(func(resp *kmsg.DescribeTransactionsResponse) {
		for i := range resp.TransactionStates {
			s := &resp.TransactionStates[i]
			s.Topics = slices.DeleteFunc(s.Topics, func(t kmsg.DescribeTransactionsResponseTransactionStateTopic) bool {
				return !a.topic(kmsg.ACLOperationDescribe, t.Topic)
			})
		}
		for _, id := range refused {
			out := kmsg.NewDescribeTransactionsResponseTransactionState()
			out.TransactionalID, out.ErrorCode = id, transactionRefused
			resp.TransactionStates = append(resp.TransactionStates, out)
		}
	})
}

func guardListTransactions(a *access, _ *kmsg.ListTransactionsRequest) verdict[*kmsg.ListTransactionsResponse] {
	return edited(func(resp *kmsg.ListTransactionsResponse) {
		resp.TransactionStates = slices.DeleteFunc(resp.TransactionStates, func(s kmsg.ListTransactionsResponseTransactionState) bool {
			return !a.transaction(kmsg.ACLOperationDescribe, s.TransactionalID)
		})
	})
}
