package handler

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/quota"
	"github.com/chortal/chortal/broker/internal/server"
)

// request is what every part of one request's answer needs: one image for the
// whole answer, and where errors go.
type request struct {
	h    *Handlers
	ctx  context.Context //nolint:containedctx // the life of the request
	conn *server.Conn
	api  string
	img  *metadata.Image

	mutations *quota.Mutations // what the client may create and delete; nil: everything
}

func (h *Handlers) request(ctx context.Context, c *server.Conn, api string) *request {
	return &request{h: h, ctx: ctx, conn: c, api: api, img: h.metadata.Image()}
}

// limitMutations applies the quota of the client to what the request creates
// and deletes. A strict one refuses, the other makes the client wait.
func (r *request) limitMutations(strict bool) {
	r.mutations = r.h.quotas.Mutations(r.conn.Principal(), r.conn.ClientID(), strict)
}

// throttleMillis is how long the client has to wait for what it has created
// and deleted.
func (r *request) throttleMillis() int32 { return int32(r.mutations.Throttle().Milliseconds()) }

// code converts an error, and logs it if the client cannot be told.
func (r *request) code(err error) int16 { return r.h.code(r.ctx, r.conn, r.api, err) }

// address returns where this client reaches a broker.
func (r *request) address(node int32) (host string, port int32) {
	return advertised(r.img, r.h.node, node, r.conn)
}

// topic finds a topic by name: INVALID_TOPIC_EXCEPTION for what cannot be a
// name, UNKNOWN_TOPIC_OR_PARTITION for what does not exist.
func (r *request) topic(name string) (*metadata.Topic, error) {
	if t, ok := r.img.Topic(name); ok {
		return t, nil
	}
	if err := metadata.CheckTopicName(name); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("topic %q: %w", name, kerr.UnknownTopicOrPartition)
}

// topicByID finds a topic by id: UNKNOWN_TOPIC_ID if there is none.
func (r *request) topicByID(id metadata.TopicID) (*metadata.Topic, error) {
	if t, ok := r.img.TopicByID(id); ok {
		return t, nil
	}
	return nil, fmt.Errorf("topic id %v: %w", id, kerr.UnknownTopicID)
}

// partition finds the log of a partition that this broker leads.
func (r *request) partition(t *metadata.Topic, index int32) (*partition.Partition, error) {
	p, ok := t.Partition(index)
	if !ok {
		return nil, fmt.Errorf("partition %s-%d: %w", t.Name, index, kerr.UnknownTopicOrPartition)
	}
	if p.Leader != r.h.node {
		return nil, fmt.Errorf("partition %s-%d is led by %d: %w", t.Name, index, p.Leader, kerr.NotLeaderForPartition)
	}
	log, err := r.h.partitions.Get(t.Name, index)
	if err != nil {
		return nil, err
	}
	if log.TopicID() != t.ID { // deleted, and created again, since our image
		return nil, fmt.Errorf("partition %s-%d of a deleted topic: %w", t.Name, index, kerr.UnknownTopicID)
	}
	return log, nil
}

// named is topic and partition in one, for requests that name both.
func (r *request) named(topic string, index int32) (*partition.Partition, error) {
	t, err := r.topic(topic)
	if err != nil {
		return nil, err
	}
	return r.partition(t, index)
}

// leader says who leads a partition, for answers that tell the client whom to
// ask instead; -1 and -1 if nobody knows.
func (r *request) leader(t *metadata.Topic, index int32) (node, epoch int32) {
	if t == nil {
		return -1, -1
	}
	p, ok := t.Partition(index)
	if !ok {
		return -1, -1
	}
	return p.Leader, p.LeaderEpoch
}
