package handler

// ElectLeaders (key 43): versions 0-2.
//
//	v1  unclean elections (KIP-460); an error for the whole answer
//	v2  flexible

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

// Election types of ElectLeaders.
const (
	preferredElection = 0
	uncleanElection   = 1
)

// electLeaders answers for every partition that is named. Where none is, it is all of them, and those that need no
// election are left out.
func (h *Handlers) electLeaders(ctx context.Context, c *server.Conn, req *kmsg.ElectLeadersRequest) (*kmsg.ElectLeadersResponse, error) {
	r := h.request(ctx, c, "ElectLeaders")
	resp := kmsg.NewPtrElectLeadersResponse()
	if req.Version == 0 {
		req.ElectionType = preferredElection
	}
	all := req.Topics == nil
	if all {
		for t := range r.img.Topics() {
			in := kmsg.ElectLeadersRequestTopic{Topic: t.Name}
			for i := range t.Partitions {
				in.Partitions = append(in.Partitions, int32(i))
			}
			req.Topics = append(req.Topics, in)
		}
	}
	known := checkElectionType(req.ElectionType)
	resp.ErrorCode = r.code(known)
	for _, t := range req.Topics {
		out := kmsg.NewElectLeadersResponseTopic()
		out.Topic = t.Topic
		for _, index := range t.Partitions {
			err := known
			if err == nil {
				err = r.elect(t.Topic, index, req.ElectionType)
			}
			o := kmsg.NewElectLeadersResponseTopicPartition()
			o.Partition, o.ErrorCode, o.ErrorMessage = index, r.code(err), message(err)
			if all && o.ErrorCode == kerr.ElectionNotNeeded.Code {
				continue
			}
			out.Partitions = append(out.Partitions, o)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}

func checkElectionType(typ int8) error {
	if typ != preferredElection && typ != uncleanElection {
		return fmt.Errorf("Unknown election type %d: %w", typ, kerr.InvalidRequest) //nolint:staticcheck // Kafka's text
	}
	return nil
}

// elect makes the preferred replica the leader, or any that is registered where there is no leader.
func (r *request) elect(topic string, index int32, typ int8) error {
	t, ok := r.img.Topic(topic)
	if !ok {
		return fmt.Errorf("No such topic as %s: %w", topic, kerr.UnknownTopicOrPartition) //nolint:staticcheck // Kafka's text
	}
	p, ok := t.Partition(index)
	if !ok {
		return fmt.Errorf("No such partition as %s-%d: %w", topic, index, kerr.UnknownTopicOrPartition) //nolint:staticcheck // Kafka's text
	}
	change := metadata.PartitionChangeRecord{Topic: t.ID, Index: index, ISR: p.ISR, Replicas: p.Replicas}
	registered := func(id int32) bool { _, ok := r.img.Broker(id); return ok }
	switch {
	case typ == preferredElection && p.Leader == p.Replicas[0], typ == uncleanElection && p.Leader >= 0:
		return fmt.Errorf("Leader election not needed for topic partition.: %w", kerr.ElectionNotNeeded) //nolint:staticcheck // Kafka's text
	case typ == preferredElection:
		if change.Leader = p.Replicas[0]; !slices.Contains(p.ISR, change.Leader) || !registered(change.Leader) {
			return fmt.Errorf("The preferred leader was not available.: %w", kerr.PreferredLeaderNotAvailable) //nolint:staticcheck // Kafka's text
		}
	default:
		at := slices.IndexFunc(p.Replicas, registered)
		if at < 0 {
			return fmt.Errorf("Eligible topic partition leaders are not available.: %w", kerr.EligibleLeadersNotAvailable) //nolint:staticcheck // Kafka's text
		}
		if change.Leader = p.Replicas[at]; !slices.Contains(p.ISR, change.Leader) {
			change.ISR = []int32{change.Leader}
		}
	}
	if _, err := r.h.metadata.Propose([]metadata.Record{&change}); err != nil {
		return err
	}
	r.img = r.h.metadata.Image()
	return nil
}
