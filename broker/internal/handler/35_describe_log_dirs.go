package handler

// DescribeLogDirs (key 35): versions 0-5.
//
//	v2  flexible
//	v3  an error for the whole answer
//	v4  size of the volume (KIP-827)
//	v5  whether the dir is cordoned (KIP-1066)

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/server"
)

func (h *Handlers) describeLogDirs(_ context.Context, _ *server.Conn, req *kmsg.DescribeLogDirsRequest) (*kmsg.DescribeLogDirsResponse, error) {
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	asked := map[partition.TopicPartition]bool{}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			asked[partition.TopicPartition{Topic: t.Topic, Index: p}] = true
		}
	}
	for _, dir := range h.partitions.Dirs() {
		out := kmsg.NewDescribeLogDirsResponseDir()
		out.Dir, out.TotalBytes, out.UsableBytes = dir.Path, dir.Usage.TotalBytes, dir.Usage.FreeBytes
		if dir.Err != nil {
			out.ErrorCode, out.TotalBytes, out.UsableBytes = kerr.KafkaStorageError.Code, -1, -1
			resp.Dirs = append(resp.Dirs, out)
			continue
		}
		out.Topics = dirTopics(dir.Partitions, func(tp partition.TopicPartition) bool { return req.Topics == nil || asked[tp] })
		resp.Dirs = append(resp.Dirs, out)
	}
	return resp, nil
}

// dirTopics groups partitions by topic.
func dirTopics(parts []partition.DirPartition, want func(partition.TopicPartition) bool) []kmsg.DescribeLogDirsResponseDirTopic {
	topics := []kmsg.DescribeLogDirsResponseDirTopic{}
	at := map[string]int{}
	for _, p := range parts {
		if !want(p.TopicPartition) {
			continue
		}
		i, ok := at[p.TopicPartition.Topic]
		if !ok {
			i = len(topics)
			at[p.TopicPartition.Topic] = i
			t := kmsg.NewDescribeLogDirsResponseDirTopic()
			t.Topic = p.TopicPartition.Topic
			topics = append(topics, t)
		}
		out := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		out.Partition, out.Size, out.OffsetLag, out.IsFuture = p.TopicPartition.Index, p.Size, p.OffsetLag, p.Future
		topics[i].Partitions = append(topics[i].Partitions, out)
	}
	for i := range topics {
		slices.SortFunc(topics[i].Partitions, func(a, b kmsg.DescribeLogDirsResponseDirTopicPartition) int { return int(a.Partition - b.Partition) })
	}
	return topics
}
