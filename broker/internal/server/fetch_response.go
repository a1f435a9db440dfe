package server

import (
	"io"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Slice is a run of whole record batches that stays where it is, in a file or in the tail cache, until it goes to the
// socket. Release is called exactly once, after the last use. A Slice may also have a method
//
//	Buffers(dst [][]byte) ([][]byte, bool)
//
// that appends its pieces without copying them and reports true if they lie in memory: those leave by the same writev
// as the rest of the answer.
type Slice interface {
	io.WriterTo
	Len() int64
	Release()
}

// FetchResponse is a Fetch answer whose record batches are Slices instead of bytes. It serves as the P of a route:
//
//	OnDeferred(4, 18, func(ctx context.Context, c *Conn, req *kmsg.FetchRequest, reply func(*FetchResponse, error))
//
// Records runs parallel to Topics and their Partitions: Records[i][j] holds the batches of Topics[i].Partitions[j]. It
// may be shorter than the response, and a nil Slice is an empty record set; the field RecordBatches is used where there is no
// Slice. The server releases every Slice, written or not.
type FetchResponse struct {
	kmsg.FetchResponse
	Records [][]Slice
}

// NewFetchResponse returns an empty answer with kmsg's defaults.
func NewFetchResponse() *FetchResponse {
	return &FetchResponse{FetchResponse: kmsg.NewFetchResponse()}
}

// Release frees all slices of an answer that is not handed to the server.
func (f *FetchResponse) Release() {
	for _, topic := range f.Records {
		for i, s := range topic {
			if s != nil {
				s.Release()
				topic[i] = nil
			}
		}
	}
}

// appendTo encodes the answer behind dst, in all versions from 4 on, and notes where the slices belong. It is
// FetchResponse.AppendTo of kmsg without the copy of the records; a test holds the two together.
func (f *FetchResponse) appendTo(dst []byte, cuts []cut) ([]byte, []cut) {
	flexible := f.Version >= 12
	dst = kbin.AppendInt32(dst, f.ThrottleMillis)
	if f.Version >= 7 {
		dst = kbin.AppendInt16(dst, f.ErrorCode)
		dst = kbin.AppendInt32(dst, f.SessionID)
	}
	dst = appendLen(dst, flexible, len(f.Topics))
	for i := range f.Topics {
		t := &f.Topics[i]
		switch {
		case f.Version >= 13:
			dst = kbin.AppendUuid(dst, t.TopicID)
		case flexible:
			dst = kbin.AppendCompactString(dst, t.Topic)
		default:
			dst = kbin.AppendString(dst, t.Topic)
		}
		dst = appendLen(dst, flexible, len(t.Partitions))
		for j := range t.Partitions {
			dst, cuts = f.appendPartition(dst, cuts, &t.Partitions[j], f.take(i, j))
		}
		if flexible {
			dst = appendTags(dst, &t.UnknownTags)
		}
	}
	if flexible {
		dst = f.appendBrokers(dst)
	}
	return dst, cuts
}

// take hands a slice over from the response to its encoding, so that it is released once.
func (f *FetchResponse) take(topic, partition int) Slice {
	if topic >= len(f.Records) || partition >= len(f.Records[topic]) {
		return nil
	}
	s := f.Records[topic][partition]
	f.Records[topic][partition] = nil
	return s
}

func (f *FetchResponse) appendPartition(dst []byte, cuts []cut, p *kmsg.FetchResponseTopicPartition, s Slice) ([]byte, []cut) {
	flexible := f.Version >= 12
	dst = kbin.AppendInt32(dst, p.Partition)
	dst = kbin.AppendInt16(dst, p.ErrorCode)
	dst = kbin.AppendInt64(dst, p.HighWatermark)
	dst = kbin.AppendInt64(dst, p.LastStableOffset)
	if f.Version >= 5 {
		dst = kbin.AppendInt64(dst, p.LogStartOffset)
	}
	dst = appendAborted(dst, flexible, p.AbortedTransactions)
	if f.Version >= 11 {
		dst = kbin.AppendInt32(dst, p.PreferredReadReplica)
	}
	n := int64(len(p.RecordBatches))
	if s != nil {
		n = s.Len()
	}
	if flexible {
		dst = kbin.AppendUvarint(dst, uint32(n)+1)
	} else {
		dst = kbin.AppendInt32(dst, int32(n))
	}
	if s != nil {
		cuts = append(cuts, cut{at: len(dst), slice: s})
	} else {
		dst = append(dst, p.RecordBatches...)
	}
	if flexible {
		dst = appendPartitionTags(dst, p)
	}
	return dst, cuts
}

func appendAborted(dst []byte, flexible bool, txns []kmsg.FetchResponseTopicPartitionAbortedTransaction) []byte {
	if txns == nil {
		if flexible {
			return kbin.AppendUvarint(dst, 0)
		}
		return kbin.AppendInt32(dst, -1)
	}
	dst = appendLen(dst, flexible, len(txns))
	for i := range txns {
		dst = kbin.AppendInt64(dst, txns[i].ProducerID)
		dst = kbin.AppendInt64(dst, txns[i].FirstOffset)
		if flexible {
			dst = appendTags(dst, &txns[i].UnknownTags)
		}
	}
	return dst
}

// appendPartitionTags appends the diverging epoch, the current leader and the snapshot id, each if it is set.
func appendPartitionTags(dst []byte, p *kmsg.FetchResponseTopicPartition) []byte {
	diverging := p.DivergingEpoch.Epoch != -1 || p.DivergingEpoch.EndOffset != -1
	leader := p.CurrentLeader.LeaderID != -1 || p.CurrentLeader.LeaderEpoch != -1
	snapshot := p.SnapshotID.EndOffset != -1 || p.SnapshotID.Epoch != -1
	n := uint32(p.UnknownTags.Len())
	for _, set := range []bool{diverging, leader, snapshot} {
		if set {
			n++
		}
	}
	dst = kbin.AppendUvarint(dst, n)
	if diverging {
		dst = append(dst, 0, 13)
		dst = kbin.AppendInt32(dst, p.DivergingEpoch.Epoch)
		dst = append(kbin.AppendInt64(dst, p.DivergingEpoch.EndOffset), 0)
	}
	if leader {
		dst = append(dst, 1, 9)
		dst = kbin.AppendInt32(dst, p.CurrentLeader.LeaderID)
		dst = append(kbin.AppendInt32(dst, p.CurrentLeader.LeaderEpoch), 0)
	}
	if snapshot {
		dst = append(dst, 2, 13)
		dst = kbin.AppendInt64(dst, p.SnapshotID.EndOffset)
		dst = append(kbin.AppendInt32(dst, p.SnapshotID.Epoch), 0)
	}
	return p.UnknownTags.AppendEach(dst)
}

// appendBrokers appends the node endpoints of KIP-951.
func (f *FetchResponse) appendBrokers(dst []byte) []byte {
	n := uint32(f.UnknownTags.Len())
	if len(f.Brokers) == 0 {
		return f.UnknownTags.AppendEach(kbin.AppendUvarint(dst, n))
	}
	dst = kbin.AppendUvarint(dst, n+1)
	body := kbin.AppendCompactArrayLen(nil, len(f.Brokers))
	for i := range f.Brokers {
		b := &f.Brokers[i]
		body = kbin.AppendInt32(body, b.NodeID)
		body = kbin.AppendCompactString(body, b.Host)
		body = kbin.AppendInt32(body, b.Port)
		body = kbin.AppendCompactNullableString(body, b.Rack)
		body = appendTags(body, &b.UnknownTags)
	}
	dst = kbin.AppendUvarint(append(dst, 0), uint32(len(body)))
	return f.UnknownTags.AppendEach(append(dst, body...))
}

func appendLen(dst []byte, flexible bool, n int) []byte {
	if flexible {
		return kbin.AppendCompactArrayLen(dst, n)
	}
	return kbin.AppendArrayLen(dst, n)
}

func appendTags(dst []byte, t *kmsg.Tags) []byte {
	return t.AppendEach(kbin.AppendUvarint(dst, uint32(t.Len())))
}
