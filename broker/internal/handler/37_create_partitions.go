package handler

// CreatePartitions (key 37): versions 0-3. v2 is flexible.

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

// strictCreatePartitions is the version from which on clients understand THROTTLING_QUOTA_EXCEEDED.
const strictCreatePartitions = 3

func (h *Handlers) createPartitions(ctx context.Context, c *server.Conn, req *kmsg.CreatePartitionsRequest) (*kmsg.CreatePartitionsResponse, error) {
	r := h.request(ctx, c, "CreatePartitions")
	r.limitMutations(req.Version >= strictCreatePartitions)
	resp := kmsg.NewPtrCreatePartitionsResponse()
	named := map[string]int{}
	for i := range req.Topics {
		named[req.Topics[i].Topic]++
	}
	for i := range req.Topics {
		in := &req.Topics[i]
		out := kmsg.NewCreatePartitionsResponseTopic()
		out.Topic = in.Topic
		var err error
		if named[in.Topic] > 1 {
			err = fmt.Errorf("topic '%s' is in the request more than once: %w", in.Topic, kerr.InvalidRequest)
		} else {
			err = r.addPartitions(in, req.ValidateOnly)
		}
		out.ErrorCode, out.ErrorMessage = r.code(err), message(err)
		resp.Topics = append(resp.Topics, out)
	}
	resp.ThrottleMillis = r.throttleMillis()
	return resp, nil
}

func (r *request) addPartitions(in *kmsg.CreatePartitionsRequestTopic, validateOnly bool) error {
	t, err := r.topic(in.Topic)
	if err != nil {
		return err
	}
	if t.Internal() { // keys are spread by the number of partitions: it is for ever
		return fmt.Errorf("the number of partitions of internal topic '%s' cannot change: %w", t.Name, kerr.InvalidTopicException)
	}
	var replicas [][]int32
	if in.Assignment != nil {
		replicas = make([][]int32, len(in.Assignment))
		for i := range in.Assignment {
			replicas[i] = in.Assignment[i].Replicas
		}
	}
	recs, err := metadata.NewPartitions(r.img, t, in.Count, replicas)
	if err == nil {
		err = r.mutations.Take(countPartitions(recs))
	}
	if err != nil || validateOnly {
		return err
	}
	if _, err := r.h.metadata.Propose(recs); err != nil {
		return err
	}
	r.img = r.h.metadata.Image()
	return nil
}
