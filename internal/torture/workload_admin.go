package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const adminConfig = "retention.ms"

// prepareAdmin makes somebody who creates, alters and deletes topics and looks at them.
func prepareAdmin(_ context.Context, r *run) ([]job, error) {
	return []job{r.admin}, nil
}

func (r *run) admin(loading, hard context.Context, rng *rand.Rand) {
	cl, err := r.client()
	if err != nil {
		r.broken("stuck", "make client: %v", err)
		return
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	const names = 4
	exists := [names]bool{}
	for n := 0; wait(loading, time.Duration(10+rng.IntN(60))*time.Millisecond); n++ {
		i := rng.IntN(names)
		name := fmt.Sprintf("%sadmin-%d", r.prefix, i)
		e := Event{Kind: KindTopic, Topic: name, Key: fmt.Sprint(100_000_000 + n)}
		switch {
		case !exists[i]:
			e.Text = "create"
		case rng.IntN(3) == 0:
			e.Text, e.Key = "delete", ""
		default:
			e.Text = "alter"
		}
		r.change(hard, adm, e)
		if there, err := r.see(hard, cl, name); err == nil {
			exists[i] = there
		}
	}
	for i := range names {
		name := fmt.Sprintf("%sadmin-%d", r.prefix, i)
		if _, err := r.see(hard, cl, name); err != nil && hard.Err() == nil {
			r.broken("stuck", "look at %s: %v", name, err)
		}
	}
}

// change asks for one change. A request that was sent twice may be told that it is done.
func (r *run) change(hard context.Context, adm *kadm.Client, e Event) {
	ctx, cancel := context.WithTimeout(hard, 20*time.Second)
	defer cancel()
	call := r.rec.Call(e)
	var err error
	switch e.Text {
	case "create":
		_, err = adm.CreateTopic(ctx, 2, 1, map[string]*string{adminConfig: &e.Key}, e.Topic)
	case "delete":
		_, err = adm.DeleteTopic(ctx, e.Topic)
	case "alter":
		var answers kadm.AlterConfigsResponses
		answers, err = adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: adminConfig, Value: &e.Key}}, e.Topic)
		for _, a := range answers {
			err = errors.Join(err, a.Err)
		}
	}
	if err != nil {
		call.Text = e.Text
		r.rec.Done(call, Info)
		return
	}
	r.rec.Done(call, OK)
}

// see looks at a topic and notes how it stands. It asks by itself: kadm may answer from what the client remembers.
func (r *run) see(hard context.Context, cl *kgo.Client, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(hard, 20*time.Second)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return false, err
	}
	if len(resp.Topics) != 1 {
		return false, fmt.Errorf("asked for %s, told of %d topics", name, len(resp.Topics))
	}
	topic := resp.Topics[0]
	if topic.ErrorCode == kerr.UnknownTopicOrPartition.Code {
		r.rec.Note(Event{Kind: KindSeen, Topic: name})
		return false, nil
	}
	if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
		return false, err
	}
	configs, err := kadm.NewClient(cl).DescribeTopicConfigs(ctx, name)
	if err != nil {
		return false, err
	}
	for _, c := range configs {
		if c.Err != nil {
			return false, c.Err
		}
		for _, kv := range c.Configs {
			if kv.Key == adminConfig {
				r.rec.Note(Event{Kind: KindSeen, Topic: name, Text: fmt.Sprintf("%x", topic.TopicID[:]), Key: kv.MaybeValue()})
				return true, nil
			}
		}
	}
	return false, fmt.Errorf("%s has no config %s", name, adminConfig)
}
