package torture

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Kind says what an event tells.
type Kind string

// The kinds of events. Calls have phases, observations do not.
const (
	// KindSend is the production of one record: Topic, Partition, Value, Key; Txn if it is part of one. Its ok tells the
	// Offset. The sends of one Worker are in order.
	KindSend Kind = "send"
	// KindTxn is a transaction from its begin on. Ok: it is committed; fail: it is aborted, or fenced.
	KindTxn Kind = "txn"
	// KindEnd is the moment when the commit of transaction Txn was first asked for.
	KindEnd Kind = "end"
	// KindRead is a record that a reader got. The reads of one Session are one reader's, in order; Group if it was a
	// member of one; Final if the reader came after everything was healed and read all there was.
	KindRead Kind = "read"
	// KindMark is an answer of ListOffsets: log start Offset, High watermark, last Stable offset; each -1 if not asked.
	KindMark Kind = "mark"
	// KindCommit is a member's commit of Offset for Group.
	KindCommit Kind = "commit"
	// KindCommitted is a fetch of Group's committed offset; its ok tells the Offset, -1 if there is none.
	KindCommitted Kind = "committed"
	// KindTrim is DeleteRecords before Offset.
	KindTrim Kind = "trim"
	// KindTopic is a change of topics: Text is create, delete or alter, Key the value of a config.
	KindTopic Kind = "topic"
	// KindSeen is a look at a topic: Text is its id, empty if it is not there; Key the value of its config.
	KindSeen Kind = "seen"
	// KindFault is something that was done to the broker.
	KindFault Kind = "fault"
	// KindBroken is something that is an anomaly by itself; Key is its name.
	KindBroken Kind = "broken"
)

// Phase is the part of a call that an event stands for.
type Phase string

// The phases. Info says that nobody knows whether the call had an effect, or will have.
const (
	Invoke Phase = "invoke"
	OK     Phase = "ok"
	Fail   Phase = "fail"
	Info   Phase = "info"
)

// Event is one line of a history.
type Event struct {
	At        int64  `json:"at"` // nanoseconds since the run began
	Kind      Kind   `json:"kind"`
	Phase     Phase  `json:"phase,omitempty"`
	Since     int64  `json:"since,omitempty"` // of a mark: when it was asked for
	Op        int64  `json:"op,omitempty"`    // joins the phases of a call
	Worker    int    `json:"worker,omitempty"`
	Topic     string `json:"topic,omitempty"`
	Partition int32  `json:"partition,omitempty"`
	Offset    int64  `json:"offset,omitempty"`
	High      int64  `json:"high,omitempty"`
	Stable    int64  `json:"stable,omitempty"`
	Value     int64  `json:"value,omitempty"`  // the number of a record, unique in the run
	Source    int64  `json:"source,omitempty"` // the Value of the record that this one is a copy of
	Txn       int64  `json:"txn,omitempty"`
	Session   int64  `json:"session,omitempty"`
	Group     string `json:"group,omitempty"`
	Key       string `json:"key,omitempty"`
	Text      string `json:"text,omitempty"`
	Committed bool   `json:"committed,omitempty"` // read with read_committed
	Control   bool   `json:"control,omitempty"`   // a marker
	Final     bool   `json:"final,omitempty"`
}

// TopicInfo is what the judge has to know of a topic.
type TopicInfo struct {
	Partitions int32 `json:"partitions"`
	Compacted  bool  `json:"compacted,omitempty"`
	// CopyOf names the topic that this one is an exactly-once copy of.
	CopyOf string `json:"copy_of,omitempty"`
}

// History is all that is known of a run, in the order in which it was noted.
type History struct {
	Topics map[string]TopicInfo
	Events []Event
}

// Recorder writes a history. Its methods may be called by several goroutines.
type Recorder struct {
	began time.Time

	mu      sync.Mutex
	history History       // guarded by mu
	op      int64         // guarded by mu; the last call's number
	ahead   *json.Encoder // guarded by mu; nil without a file
	err     error         // guarded by mu; of the file
}

// NewRecorder begins a history. With a writer every event is written to it before anybody acts on it.
func NewRecorder(ahead io.Writer) *Recorder {
	r := &Recorder{began: time.Now(), history: History{Topics: map[string]TopicInfo{}}}
	if ahead != nil {
		r.ahead = json.NewEncoder(ahead)
	}
	return r
}

// line is what a history file has in each line: a topic or an event.
type line struct {
	Name string `json:"name,omitempty"`
	*TopicInfo
	*Event
}

// Topic tells the judge of a topic before anything is sent to it.
func (r *Recorder) Topic(name string, info TopicInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.Topics[name] = info
	r.writeLocked(line{Name: name, TopicInfo: &info})
}

func (r *Recorder) writeLocked(l line) {
	if r.ahead == nil || r.err != nil {
		return
	}
	if err := r.ahead.Encode(l); err != nil {
		r.err = fmt.Errorf("write history: %w", err)
	}
}

// Note appends an event with the time of now.
func (r *Recorder) Note(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noteLocked(e)
}

func (r *Recorder) noteLocked(e Event) {
	e.At = int64(time.Since(r.began))
	r.history.Events = append(r.history.Events, e)
	r.writeLocked(line{Event: &e})
}

// now is the time of the history's clock.
func (r *Recorder) now() int64 { return int64(time.Since(r.began)) }

// Call notes that something is about to be asked. The event that comes back is to be completed and given to Done.
func (r *Recorder) Call(e Event) Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.op++
	e.Op, e.Phase = r.op, Invoke
	r.noteLocked(e)
	return e
}

// Done notes how a call ended.
func (r *Recorder) Done(e Event, phase Phase) {
	e.Phase = phase
	r.Note(e)
}

// History is what was noted so far, and the error of the file.
func (r *Recorder) History() (History, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.history, r.err
}

// Write writes the history as one JSON object in each line.
func (h History) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	for name, info := range h.Topics {
		if err := enc.Encode(line{Name: name, TopicInfo: &info}); err != nil {
			return fmt.Errorf("write history: %w", err)
		}
	}
	for i := range h.Events {
		if err := enc.Encode(line{Event: &h.Events[i]}); err != nil {
			return fmt.Errorf("write history: %w", err)
		}
	}
	return b.Flush()
}

// ReadHistory reads what Write, or a recorder with a file, has written. The last line may be torn.
func ReadHistory(r io.Reader) (History, error) {
	h := History{Topics: map[string]TopicInfo{}}
	dec := json.NewDecoder(bufio.NewReader(r))
	for {
		var raw struct {
			Name string `json:"name"`
			TopicInfo
			Event
		}
		err := dec.Decode(&raw)
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return h, nil
		case err != nil:
			return h, fmt.Errorf("read history: %w", err)
		case raw.Name != "":
			h.Topics[raw.Name] = raw.TopicInfo
		default:
			h.Events = append(h.Events, raw.Event)
		}
	}
}
