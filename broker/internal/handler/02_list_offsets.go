package handler

// ListOffsets (key 2): versions 0-11.
//
//	v0   many offsets for each partition
//	v1   one offset with its timestamp
//	v2   isolation level
//	v4   leader epochs
//	v6   flexible
//	v7   -3: the record with the largest timestamp (KIP-734)
//	v8   -4: the first offset on local disk (KIP-405)
//	v9   -5: the last offset in tiered storage (KIP-1005)
//	v10  timeout for tiered storage (KIP-1075)
//	v11  -6: the first offset that is still to be uploaded (KIP-1023)

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/server"
)

// Timestamps below zero ask for a place, not for a time.
const (
	latestOffset         = -1
	earliestOffset       = -2
	maxTimestampOffset   = -3
	earliestLocalOffset  = -4
	latestTieredOffset   = -5
	earliestUploadOffset = -6
)

// placeVersion is the first version that may ask for each place, by minus the timestamp.
func placeVersion(timestamp int64) int16 { return [...]int16{0, 0, 0, 7, 8, 9, 11}[-timestamp] }

func (h *Handlers) listOffsets(ctx context.Context, c *server.Conn, req *kmsg.ListOffsetsRequest) (*kmsg.ListOffsetsResponse, error) {
	r := h.request(ctx, c, "ListOffsets")
	resp := kmsg.NewPtrListOffsetsResponse()
	asked := map[partition.TopicPartition]int{}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			asked[partition.TopicPartition{Topic: t.Topic, Index: p.Partition}]++
		}
	}
	for _, t := range req.Topics {
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			out := kmsg.NewListOffsetsResponseTopicPartition()
			out.Partition = p.Partition
			var err error
			if asked[partition.TopicPartition{Topic: t.Topic, Index: p.Partition}] > 1 {
				err = fmt.Errorf("partition %s-%d is asked twice: %w", t.Topic, p.Partition, kerr.InvalidRequest)
			} else {
				err = r.listOffset(req, t.Topic, p, &out)
			}
			if err != nil {
				out.ErrorCode, out.Offset, out.Timestamp, out.LeaderEpoch = r.code(err), -1, -1, -1
			}
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp, nil
}

func (r *request) listOffset(req *kmsg.ListOffsetsRequest, topic string, in kmsg.ListOffsetsRequestTopicPartition, out *kmsg.ListOffsetsResponseTopicPartition) error {
	if in.Timestamp < 0 && (in.Timestamp < earliestUploadOffset || placeVersion(in.Timestamp) > req.Version) {
		return fmt.Errorf("timestamp %d in version %d: %w", in.Timestamp, req.Version, kerr.UnsupportedVersion)
	}
	p, err := r.named(topic, in.Partition)
	if err != nil {
		return err
	}
	if err := checkLeaderEpoch(p, in.CurrentLeaderEpoch); err != nil {
		return err
	}
	at, err := find(p, in.Timestamp, partition.Isolation(req.IsolationLevel))
	if err != nil {
		return err
	}
	out.Offset, out.Timestamp, out.LeaderEpoch = at.Offset, at.Timestamp, at.LeaderEpoch
	if req.Version == 0 {
		out.OldStyleOffsets = oldOffsets(p, at.Offset, in.MaxNumOffsets)
	}
	return nil
}

// find answers one question. Offset -1 says that there is no such record.
func find(p *partition.Partition, timestamp int64, iso partition.Isolation) (partition.TimestampOffset, error) {
	switch timestamp {
	case latestOffset:
		end := p.HighWatermark()
		if iso == partition.ReadCommitted {
			end = p.LastStableOffset()
		}
		return partition.TimestampOffset{Offset: end, Timestamp: -1, LeaderEpoch: p.LeaderEpoch()}, nil
	case earliestOffset, earliestLocalOffset: // all that we have is local
		start := p.LogStartOffset()
		return partition.TimestampOffset{Offset: start, Timestamp: -1, LeaderEpoch: p.EpochAt(start)}, nil
	case latestTieredOffset, earliestUploadOffset: // nothing is tiered
		return partition.TimestampOffset{Offset: -1, Timestamp: -1, LeaderEpoch: -1}, nil
	case maxTimestampOffset:
		return orNone(p.MaxTimestamp())
	}
	return orNone(p.OffsetForTime(timestamp, iso))
}

func orNone(at partition.TimestampOffset, ok bool, err error) (partition.TimestampOffset, error) {
	if err == nil && !ok {
		return partition.TimestampOffset{Offset: -1, Timestamp: -1, LeaderEpoch: -1}, nil
	}
	return at, err
}

// oldOffsets is the answer of version 0: offsets from the found one down, the
// last of which is where the log begins.
func oldOffsets(p *partition.Partition, found int64, most int32) []int64 {
	if found < 0 {
		found = p.HighWatermark()
	}
	offsets := []int64{}
	if most > 0 {
		offsets = append(offsets, found)
	}
	if start := p.LogStartOffset(); most > 1 && start < found {
		offsets = append(offsets, start)
	}
	return offsets
}

// checkLeaderEpoch compares the epoch that a client believes in (-1: it has
// none) with ours.
func checkLeaderEpoch(p *partition.Partition, epoch int32) error {
	switch ours := p.LeaderEpoch(); {
	case epoch < 0 || epoch == ours:
		return nil
	case epoch < ours:
		return fmt.Errorf("leader epoch %d, ours is %d: %w", epoch, ours, kerr.FencedLeaderEpoch)
	default:
		return fmt.Errorf("leader epoch %d, ours is %d: %w", epoch, ours, kerr.UnknownLeaderEpoch)
	}
}
