package coordinator

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// shard is one partition of a coordinator. It has no goroutine of its own while there is
// nothing to do: whoever brings work starts its loop unless that runs already, and the
// loop ends when the inbox is empty.
type shard[M Machine] struct {
	cfg    Config[M]
	id     int32
	logger *slog.Logger
	closed chan struct{} // is closed when the shard is

	mu      sync.Mutex
	inbox   inbox[M]  // guarded by mu
	running bool      // guarded by mu: the loop runs, and will look into the inbox again
	phase   phase     // guarded by mu; written by the loop and close alone
	refuse  error     // guarded by mu: why no step is taken in; nil if it is
	pauseTo time.Time // guarded by mu: a broken shard is not loaded before

	// The rest is the loop's.
	machine M
	log     Log // nil as long as the partition does not exist
	flight  *batch
	next    []*batch // to be appended after flight, in this order
	alarm   *time.Timer
	alarmAt time.Time // zero: not set
	patient bool      // a timer looks after the batch in flight
	cutting bool      // a snapshot is on its way into the log
}

// phase is how far a shard is.
type phase int8

const (
	unloaded phase = iota
	active
	closing
	gone
)

// inbox is what waits for a shard's loop.
type inbox[M Machine] struct {
	steps  []Step[M]
	load   bool // the shard is wanted
	expire bool // the alarm went off
	late   bool // the batch in flight may have taken too long
	landed []landing
}

// landing is the end of an append: with nil it is committed.
type landing struct {
	batch *batch
	err   error
}

func (b *inbox[M]) empty() bool {
	return len(b.steps) == 0 && !b.load && !b.expire && !b.late && len(b.landed) == 0
}

func newShard[M Machine](cfg Config[M], id int32) *shard[M] {
	return &shard[M]{cfg: cfg, id: id, logger: cfg.Logger.With("partition", id), closed: make(chan struct{})}
}

// enqueue gives a step to the loop, or says why it cannot be run.
func (s *shard[M]) enqueue(step Step[M]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.refuse != nil:
		return s.refuse
	case s.phase == unloaded && time.Now().Before(s.pauseTo):
		return kerr.CoordinatorNotAvailable
	case len(s.inbox.steps) >= s.cfg.MaxQueued:
		return kerr.CoordinatorNotAvailable
	}
	step.queued = time.Now()
	s.inbox.steps = append(s.inbox.steps, step)
	s.wake()
	return nil
}

func (s *shard[M]) load() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == unloaded {
		s.inbox.load = true
		s.wake()
	}
}

func (s *shard[M]) isActive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == active
}

// close has the loop end: it takes no more steps, and waits for the appends under way.
func (s *shard[M]) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == gone || s.refuse == kerr.NotCoordinator {
		return
	}
	s.refuse = kerr.NotCoordinator
	if s.phase == unloaded && !s.running {
		s.phase = gone
		close(s.closed)
		return
	}
	s.wake()
}

// wake starts the loop unless it runs. s.mu is held.
func (s *shard[M]) wake() {
	if !s.running {
		s.running = true
		go s.loop()
	}
}

// loop does what is in the inbox until that is empty.
func (s *shard[M]) loop() {
	for {
		s.ensureLoaded()
		in, ok := s.take()
		if !ok {
			return
		}
		for _, l := range in.landed {
			s.landed(l)
		}
		if in.late {
			s.patient = false
			s.giveUp(time.Now())
		}
		if in.expire && s.phase == active {
			s.alarmAt = time.Time{}
			s.run(Step[M]{Run: s.expire})
		}
		for _, step := range in.steps {
			s.run(step)
		}
		s.snapshot()
		s.launch()
		s.watch()
		s.setAlarm()
	}
}

// take gives what is in the inbox. With nothing there the loop ends; a shard that is to
// be closed is, once nothing is in flight.
func (s *shard[M]) take() (inbox[M], bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.inbox.empty() {
		in := s.inbox
		s.inbox = inbox[M]{}
		return in, true
	}
	if s.refuse == kerr.NotCoordinator && s.phase != gone && s.flight == nil && len(s.next) == 0 {
		s.unload(kerr.NotCoordinator)
		s.phase = gone
		close(s.closed)
	}
	s.running = false
	return inbox[M]{}, false
}

// run runs a step, and queues its records and answers. A machine that panics is not
// trusted any more: it is thrown away and read back.
func (s *shard[M]) run(step Step[M]) {
	if s.phase != active {
		if step.Refuse != nil {
			step.Refuse(fmt.Errorf("%s-%d: %w", s.cfg.Name, s.id, kerr.CoordinatorNotAvailable))
		}
		return
	}
	out := NewOut(s.machine)
	if err := s.guard(step, out); err != nil {
		s.logger.Error("coordinator step panicked", "err", err)
		out.Commit(kerr.UnknownServerError)
		s.fail(err)
		return
	}
	s.queue(out)
}

// guard runs a step and gives its panic as an error. The answers that it had not given
// yet are given by Refuse.
func (s *shard[M]) guard(step Step[M], out *Out) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v\n%s", p, debug.Stack())
			if step.Refuse != nil && len(out.replies) == 0 {
				step.Refuse(kerr.UnknownServerError)
			}
		}
	}()
	now := time.Now()
	step.Run(s.machine, now, out)
	if !step.queued.IsZero() {
		s.cfg.Observer.step(now.Sub(step.queued), time.Since(now))
	}
	return nil
}

func (s *shard[M]) expire(m M, now time.Time, out *Out) { m.Expire(now, out) }

// setAlarm has the loop run when the machine has something to do.
func (s *shard[M]) setAlarm() {
	if s.phase != active {
		return
	}
	at := s.machine.Deadline()
	if at.IsZero() || !s.alarmAt.IsZero() && !at.Before(s.alarmAt) {
		return // an alarm that comes too early does no harm
	}
	if s.alarm != nil {
		s.alarm.Stop()
	}
	s.alarmAt = at
	s.alarm = time.AfterFunc(time.Until(at), s.ring)
}

func (s *shard[M]) ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == active {
		s.inbox.expire = true
		s.wake()
	}
}

// fail throws the machine away after an error: its state is not that of the log. The
// next step has it read back, after a pause.
func (s *shard[M]) fail(err error) {
	s.logger.Error("coordinator failed", "err", err)
	s.cfg.Observer.failed()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unload(kerr.NotCoordinator)
	s.phase = unloaded
	s.pauseTo = time.Now().Add(s.cfg.RetryPause)
	if s.refuse == nil {
		time.AfterFunc(s.cfg.RetryPause, s.load)
	}
}

// unload answers all who wait for anything. s.mu is held.
func (s *shard[M]) unload(err error) {
	if s.phase != active {
		return
	}
	if s.alarm != nil {
		s.alarm.Stop()
	}
	s.alarmAt = time.Time{}
	for _, b := range s.batches() {
		b.commit(err)
	}
	s.flight, s.next, s.cutting, s.patient = nil, nil, false, false
	s.machine.Unload(err)
	var none M
	s.machine, s.log = none, nil
}

// ensureLoaded reads the machine from the log if it is wanted and not there. Steps wait
// for it in the inbox, but not for long.
func (s *shard[M]) ensureLoaded() {
	s.mu.Lock()
	wanted := s.phase == unloaded && (s.inbox.load || len(s.inbox.steps) > 0) && !time.Now().Before(s.pauseTo) && s.refuse == nil
	s.mu.Unlock()
	if !wanted {
		return
	}
	patience := time.AfterFunc(s.cfg.LoadPatience, s.loseSteps)
	m, log, err := s.read(context.Background())
	patience.Stop()
	s.mu.Lock()
	if s.refuse == kerr.CoordinatorLoadInProgress {
		s.refuse = nil
	}
	if err != nil {
		s.pauseTo = time.Now().Add(s.cfg.RetryPause)
		time.AfterFunc(s.cfg.RetryPause, s.load)
		s.mu.Unlock()
		s.logger.Error("load coordinator", "err", err)
		s.cfg.Observer.failed()
		return
	}
	s.machine, s.log, s.phase = m, log, active
	s.pauseTo = time.Time{}
	s.mu.Unlock()
	s.run(Step[M]{Run: func(m M, now time.Time, out *Out) { m.Loaded(now, out) }})
}

// loseSteps has those whose steps wait try again later, as they would with Kafka.
func (s *shard[M]) loseSteps() {
	s.mu.Lock()
	steps := s.inbox.steps
	s.inbox.steps = nil
	if s.refuse == nil {
		s.refuse = kerr.CoordinatorLoadInProgress
	}
	s.mu.Unlock()
	for _, step := range steps {
		step.Refuse(fmt.Errorf("%s-%d: %w", s.cfg.Name, s.id, kerr.CoordinatorLoadInProgress))
	}
}
