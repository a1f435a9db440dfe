package server

import (
	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// appendProduce encodes a Produce answer, in all versions from 3 on. It is ProduceResponse.AppendTo of kmsg, which
// compares each partition's leader by reflection, for answers in which nobody is told of another leader and no record
// is refused; a test holds the two together.
func appendProduce(dst []byte, r *kmsg.ProduceResponse) []byte {
	if r.Version < 3 || !isPlain(r) {
		return r.AppendTo(dst)
	}
	flexible := r.Version >= 9
	dst = appendLen(dst, flexible, len(r.Topics))
	for i := range r.Topics {
		t := &r.Topics[i]
		switch {
		case r.Version >= 13:
			dst = kbin.AppendUuid(dst, t.TopicID)
		case flexible:
			dst = kbin.AppendCompactString(dst, t.Topic)
		default:
			dst = kbin.AppendString(dst, t.Topic)
		}
		dst = appendLen(dst, flexible, len(t.Partitions))
		for j := range t.Partitions {
			dst = appendProduced(dst, &t.Partitions[j], r.Version)
		}
		if flexible {
			dst = append(dst, 0) // tags
		}
	}
	dst = kbin.AppendInt32(dst, r.ThrottleMillis)
	if flexible {
		dst = append(dst, 0)
	}
	return dst
}

func appendProduced(dst []byte, p *kmsg.ProduceResponseTopicPartition, version int16) []byte {
	dst = kbin.AppendInt32(dst, p.Partition)
	dst = kbin.AppendInt16(dst, p.ErrorCode)
	dst = kbin.AppendInt64(dst, p.BaseOffset)
	dst = kbin.AppendInt64(dst, p.LogAppendTime)
	if version >= 5 {
		dst = kbin.AppendInt64(dst, p.LogStartOffset)
	}
	switch {
	case version >= 9:
		dst = append(dst, 1, 0, 0) // no records, no message, no tags
	case version >= 8:
		dst = append(dst, 0, 0, 0, 0, 0xff, 0xff)
	}
	return dst
}

// isPlain tells whether an answer has nothing in it that is rare.
func isPlain(r *kmsg.ProduceResponse) bool {
	if len(r.Brokers) > 0 || r.UnknownTags.Len() > 0 {
		return false
	}
	for i := range r.Topics {
		t := &r.Topics[i]
		if t.UnknownTags.Len() > 0 {
			return false
		}
		for j := range t.Partitions {
			p := &t.Partitions[j]
			l := &p.CurrentLeader
			if len(p.ErrorRecords) > 0 || p.ErrorMessage != nil || p.UnknownTags.Len() > 0 ||
				l.LeaderID != -1 || l.LeaderEpoch != -1 || l.UnknownTags.Len() > 0 {
				return false
			}
		}
	}
	return true
}
