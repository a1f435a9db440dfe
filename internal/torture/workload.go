package torture

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// workload is one way to use a broker.
type workload struct {
	name string
	// prepare makes the topics and gives the workers.
	prepare func(ctx context.Context, r *run) ([]job, error)
}

// workloads are all there are.
var workloads = []workload{
	{"produce", prepareProduce},
	{"txn", prepareTxn},
	{"copy", prepareCopy},
	{"group", prepareGroup},
	{"compact", prepareCompact},
	{"trim", prepareTrim},
	{"admin", prepareAdmin},
}

func lookup(name string) (workload, bool) {
	i := slices.IndexFunc(workloads, func(w workload) bool { return w.name == name })
	if i < 0 {
		return workload{}, false
	}
	return workloads[i], true
}

// record makes a record with a new number and notes that it is sent.
func (r *run) record(e Event, pad int) (*kgo.Record, Event) {
	e.Kind, e.Value = KindSend, r.value.Add(1)
	p := payload{value: e.Value, source: e.Source, worker: e.Worker, topic: e.Topic, partition: e.Partition, pad: pad}
	rec := &kgo.Record{Topic: e.Topic, Partition: e.Partition, Value: p.encode()}
	if e.Key != "" {
		rec.Key = []byte(e.Key)
	}
	return rec, r.rec.Call(e)
}

// sent notes how a send ended. Whatever went wrong, the record may be there all the same.
func (r *run) sent(e Event, rec *kgo.Record, err error) {
	if err != nil {
		e.Text = err.Error()
		r.rec.Done(e, Info)
		return
	}
	e.Offset = rec.Offset
	r.acked.Add(1)
	r.rec.Done(e, OK)
}

// got notes a record that was read, and whether its bytes are the right ones.
func (r *run) got(rec *kgo.Record, e Event) payload {
	e.Kind, e.Topic, e.Partition, e.Offset = KindRead, rec.Topic, rec.Partition, rec.Offset
	e.Control = rec.Attrs.IsControl()
	if e.Control {
		r.rec.Note(e)
		return payload{}
	}
	p, err := decodePayload(rec.Value)
	switch {
	case err != nil:
		r.broken("bytes", "%s-%d offset %d: %v", rec.Topic, rec.Partition, rec.Offset, err)
		return payload{}
	case p.topic != rec.Topic || p.partition != rec.Partition:
		r.broken("bytes", "%s-%d offset %d has the record of %s-%d", rec.Topic, rec.Partition, rec.Offset, p.topic, p.partition)
		return payload{}
	}
	e.Value, e.Source, e.Key = p.value, p.source, string(rec.Key)
	r.rec.Note(e)
	return p
}
