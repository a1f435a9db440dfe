package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Report is what a run came to.
type Report struct {
	Seed      uint64
	Anomalies []Anomaly
	// Acked, Txns, Read and Commits count acknowledged records, committed transactions, records read and offsets committed.
	Acked, Txns, Read, Commits int
	// Faults counts what was done to the broker.
	Faults map[string]int
	// WorstStart is the longest restart, WorstGap the longest time without any acknowledged record.
	WorstStart, WorstGap time.Duration
	// Dir holds the history, the broker's output and its files. It is removed after a run without anomalies.
	Dir string
	// Took is the whole time.
	Took time.Duration
}

func (r Report) String() string {
	verdict := "ok"
	if len(r.Anomalies) > 0 {
		verdict = "BROKEN"
	}
	var faults strings.Builder
	for _, name := range slices.Sorted(keys(r.Faults)) {
		fmt.Fprintf(&faults, " %s=%d", name, r.Faults[name])
	}
	return fmt.Sprintf("%s seed=%d acked=%d txns=%d read=%d commits=%d%s anomalies=%d worst_start=%dms worst_gap=%dms took=%.1fs",
		verdict, r.Seed, r.Acked, r.Txns, r.Read, r.Commits, faults.String(), len(r.Anomalies), r.WorstStart.Milliseconds(),
		r.WorstGap.Milliseconds(), r.Took.Seconds())
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// Options are what a run has besides its profile.
type Options struct {
	// Dir is a new folder for the run; default: one in the folder for temporary files.
	Dir string
	// History, if not nil, gets every event before anybody acts on it.
	History io.Writer
	// Log gets the clients' complaints and the course of the run; default: nobody.
	Log *slog.Logger
	// Keep keeps Dir also after a run without anomalies.
	Keep bool

	mutate mutation
	harm   func(dir string) // called between a kill and the restart
	// until, if not nil, ends the load as soon as it says so. It is asked now and then.
	until func() bool
}

// run is a run under way.
type run struct {
	profile Profile
	rec     *Recorder
	process *process
	proxy   *proxy
	log     *slog.Logger
	harm    func(string)
	prefix  string // of all names, so that runs can share a broker
	value   atomic.Int64
	session atomic.Int64
	acked   atomic.Int64

	worstStart time.Duration // of the goroutine that breaks the process, read after its end

	mu     sync.Mutex
	faults map[string]int // guarded by mu
}

// Run loads and breaks a broker as the profile says, heals it, reads everything and judges. The error is that of the
// run itself; what the broker did wrong is in the report.
func Run(ctx context.Context, target Target, profile Profile, o Options) (Report, error) {
	began := time.Now()
	profile, err := profile.withDefaults()
	if err != nil {
		return Report{}, err
	}
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "chortal-torture-"); err != nil {
			return Report{}, err
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p, err := newProcess(target, o.Dir)
	if err != nil {
		return Report{}, err
	}
	defer p.close()
	if target.Addr != "" && len(profile.Faults) > 0 {
		return Report{}, errors.New("a broker that somebody else runs cannot be killed: the profile must have no faults")
	}
	r := &run{
		profile: profile, rec: NewRecorder(o.History), process: p, log: o.Log, harm: o.harm, faults: map[string]int{},
		prefix: fmt.Sprintf("torture-%d-%d-", profile.Seed, began.UnixMilli()%1e9),
	}
	if _, err := p.start(ctx); err != nil {
		return Report{}, err
	}
	if r.proxy, err = newProxy(p.addr, o.mutate); err != nil {
		return Report{}, err
	}
	defer r.proxy.close()
	if err := r.load(ctx, o.until); err != nil {
		return Report{}, err
	}
	report := Report{Seed: profile.Seed, Dir: o.Dir, Faults: r.faults, WorstStart: r.worstStart}
	history, err := r.rec.History()
	if err != nil {
		return report, err
	}
	report.Anomalies = Check(history)
	report.count(history)
	report.Took = time.Since(began)
	if len(report.Anomalies) == 0 && !o.Keep {
		return report, os.RemoveAll(o.Dir)
	}
	return report, writeHistory(filepath.Join(o.Dir, "history.jsonl"), history)
}

func writeHistory(name string, h History) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(h.Write(f), f.Close())
}

func (r *Report) count(h History) {
	last := int64(0)
	for _, e := range h.Events {
		switch {
		case e.Kind == KindSend && e.Phase == OK:
			r.Acked++
			if last > 0 {
				r.WorstGap = max(r.WorstGap, time.Duration(e.At-last))
			}
			last = e.At
		case e.Kind == KindTxn && e.Phase == OK:
			r.Txns++
		case e.Kind == KindRead:
			r.Read++
		case e.Kind == KindCommit && e.Phase == OK:
			r.Commits++
		}
	}
}

// healTimeout bounds what the workers may take, after the last fault, to end what they do.
const healTimeout = time.Minute

// load runs the workloads with the faults, then without, and reads everything at last.
func (r *run) load(ctx context.Context, until func() bool) error {
	hard, cancel := context.WithCancel(ctx)
	defer cancel()
	var jobs []job
	for _, name := range r.profile.Workloads {
		w, ok := lookup(name)
		if !ok {
			return fmt.Errorf("no workload is called %q", name)
		}
		made, err := w.prepare(hard, r)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", name, err)
		}
		jobs = append(jobs, made...)
	}
	jobs = append(jobs, r.watchMarks)

	loading, stop := context.WithCancel(hard)
	defer stop()
	var workers sync.WaitGroup
	for i, do := range jobs {
		workers.Go(func() { do(loading, hard, r.rng(uint64(100+i))) })
	}
	breaking, quiet := context.WithCancel(loading)
	defer quiet()
	dead := r.breakUntilDone(breaking, quiet, until)
	stop()
	r.proxy.heal()
	if dead {
		cancel() // nobody will be served any more
		workers.Wait()
		return nil
	}
	ended := make(chan struct{})
	go func() { workers.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(healTimeout):
		r.broken("stuck", "clients do not come to an end %v after the last fault", healTimeout)
		cancel()
		<-ended
		return nil
	}
	r.readAll(hard)
	return r.finish()
}

// breakUntilDone runs the faults for as long as the profile says and reports whether the broker is dead.
func (r *run) breakUntilDone(ctx context.Context, quiet func(), until func() bool) (dead bool) {
	died := make(chan struct{})
	var faults sync.WaitGroup
	if len(r.profile.Faults) > 0 {
		faults.Go(func() {
			if err := r.breakProcess(ctx); err != nil {
				close(died)
			}
		})
	}
	if len(r.profile.NetFaults) > 0 {
		faults.Go(func() { r.breakNet(ctx) })
	}
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !dead {
		select {
		case <-ctx.Done():
		case <-died:
			dead = true
		case <-tick.C:
		}
		spent := time.Since(began)
		enough := spent >= time.Duration(r.profile.Budget) && (r.kills() >= r.profile.MinKills || spent >= 5*time.Duration(r.profile.Budget))
		if ctx.Err() != nil || enough || until != nil && until() {
			break
		}
	}
	quiet()
	faults.Wait()
	select {
	case <-died:
		dead = true
	default:
	}
	return dead
}

func (r *run) kills() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.faults["kill"]
}

// finish ends the broker in order and looks through its output.
func (r *run) finish() error {
	if r.process.cmd != nil {
		if took, err := r.process.terminate(); err != nil {
			r.broken("slow-stop", "after %v: %v", took, err)
		}
	}
	lines, err := r.process.complaints()
	for _, l := range lines {
		r.broken("crash", "the broker says: %s", l)
	}
	return err
}

// job is what one worker does until loading ends. Then it completes what it has begun, unless hard ends as well.
type job func(loading, hard context.Context, rng *rand.Rand)

func (r *run) rng(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(r.profile.Seed, stream)) }

func (r *run) broken(name, format string, args ...any) {
	r.rec.Note(Event{Kind: KindBroken, Key: name, Text: fmt.Sprintf(format, args...)})
}

func (r *run) count(fault string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[fault]++
}

// pause waits as long as a worker rests between two steps.
func (r *run) pause(ctx context.Context, rng *rand.Rand) bool {
	return wait(ctx, time.Duration(rng.Int64N(2*int64(r.profile.Pace)+1)))
}

// client makes a client that goes through the proxy and never gives up.
func (r *run) client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(r.options(), opts...)...)
}

func (r *run) options() []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(r.process.addr), kgo.Dialer(r.proxy.dial), kgo.ClientID("torture"), kgo.DisableClientMetrics(),
		kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }), kgo.RetryTimeout(healTimeout),
		kgo.RequestRetries(10000), kgo.DialTimeout(2 * time.Second), kgo.RequestTimeoutOverhead(3 * time.Second),
		kgo.MetadataMinAge(20 * time.Millisecond), kgo.MetadataMaxAge(5 * time.Second), kgo.UnknownTopicRetries(-1),
		kgo.ConcurrentTransactionsBackoff(5 * time.Millisecond), kgo.ProducerLinger(0), kgo.AlwaysRetryEOF(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.FetchMaxWait(100 * time.Millisecond),
		kgo.ProducerOnDataLossDetected(func(topic string, partition int32) {
			r.broken("producer-state-lost", "%s-%d has forgotten a producer", topic, partition)
		}),
	}
}

// createTopic makes a topic and tells the judge.
func (r *run) createTopic(ctx context.Context, name string, info TopicInfo, configs map[string]string) (string, error) {
	name = r.prefix + name
	cl, err := r.client()
	if err != nil {
		return "", err
	}
	defer cl.Close()
	all := map[string]*string{}
	for _, m := range []map[string]string{r.profile.TopicConfig, configs} {
		for k, v := range m {
			all[k] = &v
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	resp, err := kadm.NewClient(cl).CreateTopic(ctx, info.Partitions, 1, all, name)
	if err := errors.Join(err, resp.Err); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return "", fmt.Errorf("create %s: %w", name, err)
	}
	r.rec.Topic(name, info)
	return name, nil
}
