package txn

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// world is a machine with a clock, a log, producer ids and partitions that take markers,
// driven by the commands of testdata/transcripts.
type world struct {
	t    testing.TB
	m    *Machine
	now  time.Time
	log  []coordinator.Record
	sent []Markers // asked for, not completed
	said []string
	ids  int64
	lose bool // the next append fails
}

var epoch = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: epoch, ids: 100}
	w.restart()
	return w
}

func (w *world) config() Config {
	return Config{
		NewProducerID: func() (int64, error) { w.ids++; return w.ids, nil },
		Send: func(m Markers) func() {
			w.sent = append(w.sent, m)
			w.say("send %s", markersText(m))
			return func() { w.say("cancel %s", m.TransactionalID) }
		},
	}
}

func (w *world) say(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

// step runs one step, keeps its records, gives its answers, and compares the machine with one
// that reads the log.
func (w *world) step(f func(out *coordinator.Out)) {
	out := coordinator.NewOut(w.m)
	f(out)
	if w.lose && len(out.Records()) > 0 {
		w.lose = false
		w.say("append fails")
		out.Commit(kerr.NotCoordinator)
		w.restart()
		return
	}
	for _, r := range out.Records() {
		w.log = append(w.log, r)
		w.say("log %s", recordText(w.t, r))
	}
	out.Commit(nil)
	w.compare()
}

// compare checks that replay gives the state that there is.
func (w *world) compare() {
	w.t.Helper()
	again := New(w.config())
	for _, r := range w.log {
		if err := again.Replay(r); err != nil {
			w.t.Errorf("replay: %v", err)
		}
	}
	live, _ := w.m.Snapshot()
	read, _ := again.Snapshot()
	if d := cmp.Diff(live, read); d != "" {
		w.t.Errorf("replay differs from live:\n%s", d)
	}
	if w.m.Len() != len(live) {
		w.t.Errorf("Len %d, snapshot of %d", w.m.Len(), len(live))
	}
}

// restart replays the log into a new machine. Those who waited in the old one are told.
func (w *world) restart() {
	if w.m != nil {
		w.m.Unload(kerr.NotCoordinator)
	}
	w.sent = nil
	w.m = New(w.config())
	for _, r := range w.log {
		if err := w.m.Replay(r); err != nil {
			w.say("replay: %v", err)
		}
	}
	w.step(func(out *coordinator.Out) { w.m.Loaded(w.now, out) })
}

// advance lets time pass, with each timer at its time.
func (w *world) advance(d time.Duration) {
	until := w.now.Add(d)
	for {
		next := w.m.Deadline()
		if next.IsZero() || next.After(until) {
			break
		}
		if next.After(w.now) {
			w.now = next
		}
		w.step(func(out *coordinator.Out) { w.m.Expire(w.now, out) })
	}
	w.now = until
}

func (w *world) complete(id string) {
	at := slices.IndexFunc(w.sent, func(m Markers) bool { return m.TransactionalID == id })
	if at < 0 {
		w.say("nothing was sent")
		return
	}
	m := w.sent[at]
	w.sent = slices.Delete(w.sent, at, at+1)
	w.step(func(out *coordinator.Out) { w.m.Complete(w.now, out, m) })
}

func markersText(m Markers) string {
	how := "abort"
	if m.Commit {
		how = "commit"
	}
	return fmt.Sprintf("%s %s producer=%d/%d %s", m.TransactionalID, how, m.Producer.ID, m.Producer.Epoch, partitionsText(m.Partitions))
}

func partitionsText(ps []TopicPartition) string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = fmt.Sprintf("%s-%d", p.Topic, p.Partition)
	}
	return "[" + strings.Join(texts, " ") + "]"
}

func recordText(t testing.TB, r coordinator.Record) string {
	id, err := decodeKey(r.Key)
	if err != nil {
		t.Fatal(err)
	}
	if r.Value == nil {
		return id + " deleted"
	}
	d, err := decodeValue(r.Value)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%s %v producer=%d/%d", id, d.state, d.producerID, d.producerEpoch)
	if d.nextProducerID >= 0 {
		text += fmt.Sprintf(" next=%d", d.nextProducerID)
	}
	if d.prevProducerID >= 0 && d.prevProducerID != d.producerID {
		text += fmt.Sprintf(" prev=%d", d.prevProducerID)
	}
	if len(d.partitions) > 0 {
		text += " " + partitionsText(d.partitions)
	}
	return text
}

func errText(err error) string {
	if k, ok := errors.AsType[*kerr.Error](err); ok {
		return k.Message
	}
	return err.Error()
}

// command is a line of a transcript: a verb and key=value pairs.
type command struct {
	verb string
	args map[string]string
}

func parse(d *datadriven.TestData) command {
	c := command{verb: d.Cmd, args: make(map[string]string)}
	for _, a := range d.CmdArgs {
		c.args[a.Key] = strings.Join(a.Vals, ",")
	}
	return c
}

func (c command) text(key, otherwise string) string {
	if v, ok := c.args[key]; ok {
		return v
	}
	return otherwise
}

func (c command) number(key string, otherwise int64) int64 {
	if v, ok := c.args[key]; ok {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			panic(err)
		}
		return n
	}
	return otherwise
}

func (c command) flag(key string) bool { _, ok := c.args[key]; return ok }

// producer reads producer=id/epoch.
func (c command) producer() coordinator.Producer {
	id, epoch, ok := strings.Cut(c.text("producer", "-1/-1"), "/")
	if !ok {
		panic("producer=id/epoch")
	}
	i, err1 := strconv.ParseInt(id, 10, 64)
	e, err2 := strconv.ParseInt(epoch, 10, 16)
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	return coordinator.Producer{ID: i, Epoch: int16(e)}
}

// partitions reads to=(a-0,b-1).
func (c command) partitions() []TopicPartition {
	var ps []TopicPartition
	for _, text := range strings.Split(c.text("to", ""), ",") {
		topic, index, ok := strings.Cut(strings.TrimSpace(text), "-")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(index)
		if err != nil {
			panic(err)
		}
		ps = append(ps, TopicPartition{topic, int32(n)})
	}
	return ps
}

func (w *world) run(c command) {
	id := c.text("id", "tx")
	if id == "none" {
		id = ""
	}
	version := int16(c.number("v", 2))
	producer := func(what string) Reply[coordinator.Producer] {
		return func(p coordinator.Producer, err error) {
			if err != nil {
				w.say("%s %s: %s", what, id, errText(err))
				return
			}
			w.say("%s %s: producer=%d/%d", what, id, p.ID, p.Epoch)
		}
	}
	switch c.verb {
	case "init":
		req := InitRequest{TransactionalID: id, TimeoutMs: int32(c.number("timeout", 60_000)), Expected: c.producer()}
		w.step(func(out *coordinator.Out) { w.m.InitProducerID(w.now, out, req, producer("init")) })
	case "add":
		req := AddRequest{
			TransactionalID: id, Producer: c.producer(), Partitions: c.partitions(), Version: version,
			Patience: time.Duration(c.number("patience", 0)) * time.Millisecond,
		}
		w.step(func(out *coordinator.Out) {
			w.m.AddPartitions(w.now, out, req, func(_ struct{}, err error) {
				text := "done"
				if err != nil {
					text = errText(err)
				}
				w.say("add %s: %s", id, text)
			})
		})
	case "verify":
		req := VerifyRequest{TransactionalID: id, Producer: c.producer(), Partitions: c.partitions()}
		w.step(func(out *coordinator.Out) {
			w.m.Verify(out, req, func(belongs []bool, err error) {
				if err != nil {
					w.say("verify %s: %s", id, errText(err))
					return
				}
				w.say("verify %s: %v", id, belongs)
			})
		})
	case "commit", "abort":
		req := EndRequest{TransactionalID: id, Producer: c.producer(), Commit: c.verb == "commit", Version: version}
		w.step(func(out *coordinator.Out) { w.m.End(w.now, out, req, producer(c.verb)) })
	case "complete":
		w.complete(id)
	case "exhaust": // an id whose producer has the last epoch
		w.run(command{verb: "init", args: c.args})
		d := w.m.byID[id].durable
		d.producerEpoch = lastEpoch
		w.step(func(out *coordinator.Out) { w.m.write(out, w.m.byID[id], d) })
	case "restart":
		w.restart()
	case "lose":
		w.lose = true
	case "advance":
		d, err := time.ParseDuration(c.text("by", ""))
		if err != nil {
			panic(err)
		}
		w.advance(d)
	case "describe":
		w.step(func(out *coordinator.Out) {
			w.m.Describe(out, id, func(s kmsg.DescribeTransactionsResponseTransactionState, err error) {
				if err != nil {
					w.say("describe %s: %s", id, errText(err))
					return
				}
				w.say("describe %s: %s producer=%d/%d timeout=%d topics=%d started=%v", s.TransactionalID, s.State,
					s.ProducerID, s.ProducerEpoch, s.TimeoutMillis, len(s.Topics), s.StartTimestamp >= 0)
			})
		})
	case "list":
		w.list(c)
	default:
		panic("unknown command " + c.verb)
	}
}

func (w *world) list(c command) {
	f := Filter{Duration: -1}
	if s, ok := ParseState(c.text("state", "")); ok {
		f.States = append(f.States, s)
	}
	if c.flag("longer") {
		d, err := time.ParseDuration(c.text("longer", ""))
		if err != nil {
			panic(err)
		}
		f.Duration = d
	}
	if c.flag("of") {
		f.ProducerIDs = []int64{c.number("of", 0)}
	}
	if c.flag("like") {
		f.ID = regexp.MustCompile("^(?:" + c.text("like", "") + ")$")
	}
	w.step(func(out *coordinator.Out) {
		w.m.List(w.now, out, f, func(list []kmsg.ListTransactionsResponseTransactionState, err error) {
			for _, s := range list {
				w.say("%s %s %d", s.TransactionalID, s.TransactionState, s.ProducerID)
			}
		})
	})
}

// TestTranscripts plays testdata/transcripts: what was asked, and what came out.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		w := newWorld(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.t, w.said = t, nil
			w.run(parse(d))
			if len(w.said) == 0 {
				return "nothing\n"
			}
			return strings.Join(w.said, "\n") + "\n"
		})
	})
}
