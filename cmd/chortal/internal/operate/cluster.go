package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Feature is one feature of a cluster.
type Feature struct {
	Name                string
	Min, Max, Finalized int16
}

// Features lists the features that a broker supports by name, and the epoch of those that are finalized.
func Features(ctx context.Context, cl *kgo.Client) ([]Feature, int64, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "chortal", "1"
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("features: %w", err)
	}
	finalized := map[string]int16{}
	for _, f := range resp.FinalizedFeatures {
		finalized[f.Name] = f.MaxVersionLevel
	}
	var all []Feature
	for _, f := range resp.SupportedFeatures {
		all = append(all, Feature{f.Name, f.MinVersion, f.MaxVersion, finalized[f.Name]})
	}
	slices.SortFunc(all, func(a, b Feature) int { return strings.Compare(a.Name, b.Name) })
	return all, resp.FinalizedFeaturesEpoch, nil
}

// Quorum is the state of the metadata's log.
type Quorum struct {
	Leader, Epoch            int32
	HighWatermark, LeaderEnd int64
	Replicas                 []QuorumReplica
	Nodes                    []kmsg.DescribeQuorumResponseNode
}

// QuorumReplica is one voter or observer.
type QuorumReplica struct {
	ID                            int32
	Directory                     [16]byte
	Role                          string // Leader, Follower or Observer
	LogEndOffset                  int64
	LastFetchMilli, CaughtUpMilli int64
}

// DescribeQuorum describes the quorum of __cluster_metadata.
func DescribeQuorum(ctx context.Context, cl *kgo.Client) (*Quorum, error) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	t := kmsg.NewDescribeQuorumRequestTopic()
	t.Topic = "__cluster_metadata"
	t.Partitions = append(t.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = withMessage(resp.ErrorCode, resp.ErrorMessage)
	}
	if err != nil {
		return nil, fmt.Errorf("describe quorum: %w", err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, fmt.Errorf("describe quorum: the answer does not hold the metadata's partition")
	}
	p := resp.Topics[0].Partitions[0]
	if err := withMessage(p.ErrorCode, p.ErrorMessage); err != nil {
		return nil, fmt.Errorf("describe quorum: %w", err)
	}
	q := &Quorum{Leader: p.LeaderID, Epoch: p.LeaderEpoch, HighWatermark: p.HighWatermark, Nodes: resp.Nodes}
	add := func(r kmsg.DescribeQuorumResponseTopicPartitionReplicaState, role string) {
		if r.ReplicaID == p.LeaderID {
			role, q.LeaderEnd = "Leader", r.LogEndOffset
		}
		q.Replicas = append(q.Replicas, QuorumReplica{r.ReplicaID, r.ReplicaDirectoryID, role, r.LogEndOffset, r.LastFetchTimestamp, r.LastCaughtUpTimestamp})
	}
	for _, r := range p.CurrentVoters {
		add(r, "Follower")
	}
	for _, r := range p.Observers {
		add(r, "Observer")
	}
	return q, nil
}

// APIName is Kafka's name of an API key, without spaces.
func APIName(key int16) string {
	name := kmsg.NameForKey(key)
	if name == "" {
		return fmt.Sprintf("UNKNOWN(%d)", key)
	}
	return name
}
