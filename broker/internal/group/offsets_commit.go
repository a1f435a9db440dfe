package group

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// committer is who commits offsets, by its own account.
type committer struct {
	memberID      string
	instanceID    *string
	generation    int32 // or member epoch
	transactional bool
	version       int16 // of the request
}

// OffsetCommit keeps offsets for a group: of a member of its present generation, or of
// anyone while the group is empty. Topics of the request carry their name in all
// versions; their ids, where they are known, go along. The answer has the topics and
// partitions of the request in its order.
//
// Versions: 1 added the generation, 2 to 4 a retention time, 6 the leader epoch, 7 static
// members, 9 the consumer protocol's epochs, 10 topic ids.
func (m *Machine) OffsetCommit(now time.Time, out *coordinator.Out, req *kmsg.OffsetCommitRequest, reply Reply[*kmsg.OffsetCommitResponse]) {
	by := committer{memberID: req.MemberID, instanceID: req.InstanceID, generation: req.Generation, version: req.Version}
	if req.Version == 0 {
		by.generation = -1
	}
	c := commit{group: req.Group, by: by, now: now, retention: req.RetentionTimeMillis, topics: req.Topics}
	records, resp := m.commit(&c)
	out.Write(records...)
	answer(out, reply, resp)
}

// TxnOffsetCommit keeps offsets that count once the transaction of their producer is
// committed. Versions: 3 added the generation and static members (KIP-447).
func (m *Machine) TxnOffsetCommit(now time.Time, out *coordinator.Out, req *kmsg.TxnOffsetCommitRequest, reply Reply[*kmsg.TxnOffsetCommitResponse]) {
	c := commit{
		group: req.Group, now: now, retention: -1,
		by: committer{memberID: req.MemberID, instanceID: req.InstanceID, generation: req.Generation, transactional: true, version: req.Version},
	}
	for _, t := range req.Topics {
		ct := kmsg.OffsetCommitRequestTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			ct.Partitions = append(ct.Partitions, kmsg.OffsetCommitRequestTopicPartition{
				Partition: p.Partition, Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: p.Metadata,
			})
		}
		c.topics = append(c.topics, ct)
	}
	records, committed := m.commit(&c)
	if len(records) > 0 {
		out.WritePending(coordinator.Producer{ID: req.ProducerID, Epoch: req.ProducerEpoch}, records...)
	}
	resp := kmsg.NewPtrTxnOffsetCommitResponse()
	for _, t := range committed.Topics {
		rt := kmsg.NewTxnOffsetCommitResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rt.Partitions = append(rt.Partitions, kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: p.ErrorCode})
		}
		resp.Topics = append(resp.Topics, rt)
	}
	answer(out, reply, resp)
}

// commit is a commit of offsets on its way, of a transaction or not.
type commit struct {
	group     string
	by        committer
	now       time.Time
	retention int64 // milliseconds, -1: the broker's
	topics    []kmsg.OffsetCommitRequestTopic
}

// commit checks the sender and gives the records of all offsets that may be kept.
func (m *Machine) commit(c *commit) ([]coordinator.Record, *kmsg.OffsetCommitResponse) {
	if err := m.commitAllowed(c); err != nil {
		return nil, commitRefused(c.topics, err)
	}
	var records []coordinator.Record
	bytes := 0
	resp := kmsg.NewPtrOffsetCommitResponse()
	for _, t := range c.topics {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition = p.Partition
			if tooLong(deref(p.Metadata), m.cfg.MaxOffsetMetadata) {
				rp.ErrorCode = kerr.OffsetMetadataTooLarge.Code
			} else {
				r := c.record(t, p)
				bytes += len(r.Key) + len(r.Value)
				records = append(records, r)
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	if bytes > m.cfg.MaxRecordBytes {
		return nil, commitRefused(c.topics, kerr.InvalidCommitOffsetSize)
	}
	if len(records) > 0 {
		m.ensureGroup(c.group)
		m.cfg.Observer.commits(len(records))
	}
	return records, resp
}

func (m *Machine) commitAllowed(c *commit) error {
	g, ok := m.groups[c.group]
	switch {
	case ok:
		if err := g.commitAllowed(m, c); err != nil {
			return fmt.Errorf("commit offsets of %s: %w", c.group, err)
		}
		return nil
	case c.by.generation < 0:
		return nil
	case c.by.knowsMissing():
		return fmt.Errorf("group %s not found: %w", c.group, kerr.GroupIDNotFound)
	}
	return kerr.IllegalGeneration
}

// knowsMissing says whether a member may be told that its group does not exist. Clients
// before took that for another generation.
func (by committer) knowsMissing() bool {
	if by.transactional {
		return by.version >= 6
	}
	return by.version >= 9
}

func (c *commit) record(t kmsg.OffsetCommitRequestTopic, p kmsg.OffsetCommitRequestTopicPartition) coordinator.Record {
	v := offset{offset: p.Offset, leaderEpoch: p.LeaderEpoch, metadata: deref(p.Metadata), committed: c.now.UnixMilli(), expires: -1, topicID: t.TopicID}
	if p.Timestamp >= 0 && c.by.version == 1 {
		v.committed = p.Timestamp
	}
	if c.retention >= 0 && c.by.version >= 2 && c.by.version <= 4 {
		v.expires = c.now.UnixMilli() + c.retention
	}
	return offsetRecord(c.group, t.Topic, p.Partition, v)
}

func commitRefused(topics []kmsg.OffsetCommitRequestTopic, err error) *kmsg.OffsetCommitResponse {
	resp := kmsg.NewPtrOffsetCommitResponse()
	for _, t := range topics {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rt.Partitions = append(rt.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: errorCode(err)})
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// tooLong says whether s has more than limit UTF-16 units.
func tooLong(s string, limit int) bool {
	if len(s) <= limit {
		return false
	}
	units := utf8.RuneCountInString(s)
	for _, r := range s {
		if r > 0xffff {
			units++
		}
	}
	return units > limit
}

// commitAllowed checks a commit to a classic group, in Kafka's order. A commit of a
// member also renews its session.
func (g *classic) commitAllowed(m *Machine, c *commit) error {
	by, now := c.by, c.now
	anonymous := by.memberID == "" && by.instanceID == nil && by.generation < 0
	switch {
	case by.generation < 0 && g.phase == Empty:
		return nil
	case anonymous && by.transactional:
		return nil // a producer that does not know of KIP-447
	case anonymous:
		return kerr.UnknownMemberID
	}
	mb, err := g.member(by.memberID, by.instanceID)
	switch {
	case err != nil:
		return err
	case by.generation != g.generation:
		return kerr.IllegalGeneration
	case by.transactional:
		return nil
	case g.phase == CompletingRebalance:
		return kerr.RebalanceInProgress
	}
	g.extendSession(m, mb, now)
	return nil
}
