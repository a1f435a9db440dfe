package handler

// AlterReplicaLogDirs (key 34): versions 0-2 (KIP-113). v2 is flexible.

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/server"
)

// alterReplicaLogDirs begins moves between log dirs; DescribeLogDirs shows how far they are. Of a partition that is named
// more than once the last mention counts.
func (h *Handlers) alterReplicaLogDirs(ctx context.Context, c *server.Conn, req *kmsg.AlterReplicaLogDirsRequest) (*kmsg.AlterReplicaLogDirsResponse, error) {
	dirs := make(map[partition.TopicPartition]string)
	for _, d := range req.Dirs {
		for _, t := range d.Topics {
			for _, p := range t.Partitions {
				dirs[partition.TopicPartition{Topic: t.Topic, Index: p}] = d.Dir
			}
		}
	}
	resp := kmsg.NewPtrAlterReplicaLogDirsResponse()
	inOrder := slices.SortedFunc(maps.Keys(dirs), func(a, b partition.TopicPartition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Index, b.Index))
	})
	for _, tp := range inOrder {
		if n := len(resp.Topics); n == 0 || resp.Topics[n-1].Topic != tp.Topic {
			t := kmsg.NewAlterReplicaLogDirsResponseTopic()
			t.Topic = tp.Topic
			resp.Topics = append(resp.Topics, t)
		}
		out := kmsg.NewAlterReplicaLogDirsResponseTopicPartition()
		out.Partition, out.ErrorCode = tp.Index, h.code(ctx, c, "AlterReplicaLogDirs", h.partitions.Move(tp, dirs[tp]))
		t := &resp.Topics[len(resp.Topics)-1]
		t.Partitions = append(t.Partitions, out)
	}
	return resp, nil
}
