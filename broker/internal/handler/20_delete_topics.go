package handler

// DeleteTopics (key 20): versions 0-6.
//
//	v4  flexible
//	v5  error messages
//	v6  by name or by id (KIP-516)

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

// strictDeleteTopics is the version from which on clients understand THROTTLING_QUOTA_EXCEEDED.
const strictDeleteTopics = 5

func (h *Handlers) deleteTopics(ctx context.Context, c *server.Conn, req *kmsg.DeleteTopicsRequest) (*kmsg.DeleteTopicsResponse, error) {
	r := h.request(ctx, c, "DeleteTopics")
	r.limitMutations(req.Version >= strictDeleteTopics)
	topics := req.Topics
	for i := range req.TopicNames {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = &req.TopicNames[i]
		topics = append(topics, t)
	}
	resp := kmsg.NewPtrDeleteTopicsResponse()
	seen := map[metadata.TopicID]bool{}
	for i := range topics {
		out := kmsg.NewDeleteTopicsResponseTopic()
		out.Topic, out.TopicID = topics[i].Topic, topics[i].TopicID
		t, err := r.toDelete(req.Version, &topics[i])
		if err == nil {
			out.Topic, out.TopicID = &t.Name, t.ID
			err = r.deleteTopic(t, seen)
		}
		out.ErrorCode, out.ErrorMessage = r.code(err), message(err)
		if out.Topic == nil && req.Version < 6 {
			out.Topic = kmsg.StringPtr("")
		}
		resp.Topics = append(resp.Topics, out)
	}
	resp.ThrottleMillis = r.throttleMillis()
	return resp, nil
}

func (r *request) toDelete(version int16, in *kmsg.DeleteTopicsRequestTopic) (*metadata.Topic, error) {
	if !r.h.layers(r.img).Bool(configdef.Broker, "delete.topic.enable") {
		if version < 3 {
			return nil, fmt.Errorf("topic deletion is disabled: %w", kerr.InvalidRequest)
		}
		return nil, fmt.Errorf("topic deletion is disabled: %w", kerr.TopicDeletionDisabled)
	}
	id := metadata.TopicID(in.TopicID)
	switch {
	case in.Topic != nil && !id.IsZero():
		return nil, fmt.Errorf("topic name and id can not both be specified: %w", kerr.InvalidRequest)
	case in.Topic != nil:
		if t, ok := r.img.Topic(*in.Topic); ok {
			return t, nil
		}
		return nil, fmt.Errorf("topic %q: %w", *in.Topic, kerr.UnknownTopicOrPartition)
	case id.IsZero():
		return nil, fmt.Errorf("topic without name or id: %w", kerr.InvalidRequest)
	}
	return r.topicByID(id)
}

func (r *request) deleteTopic(t *metadata.Topic, seen map[metadata.TopicID]bool) error {
	if seen[t.ID] {
		return fmt.Errorf("topic %q is in the request more than once: %w", t.Name, kerr.InvalidRequest)
	}
	seen[t.ID] = true
	if t.Internal() {
		return fmt.Errorf("topic %q is internal: %w", t.Name, kerr.InvalidTopicException)
	}
	if err := r.mutations.Take(len(t.Partitions)); err != nil {
		return err
	}
	_, err := r.h.metadata.Propose([]metadata.Record{&metadata.RemoveTopicRecord{ID: t.ID}})
	if errors.Is(err, kerr.UnknownTopicID) { // another request was faster
		return fmt.Errorf("topic %q: %w", t.Name, kerr.UnknownTopicOrPartition)
	}
	if err == nil {
		r.h.log.InfoContext(r.ctx, "delete topic", "topic", t.Name, "client_id", r.conn.ClientID())
	}
	return err
}
