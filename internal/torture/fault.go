package torture

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// processFaults are what can be done to the broker's process and its disk. Each leaves it running.
var processFaults = map[string]func(*run, context.Context, *rand.Rand) error{
	"kill":  (*run).faultKill,
	"term":  (*run).faultTerminate,
	"pause": (*run).faultPause,
	"fill":  (*run).faultFill,
}

// netFaults are what can be done to its connections; each ends before it returns, but for frames that come late.
var netFaults = map[string]func(*run, context.Context, *rand.Rand){
	"cut":   func(r *run, _ context.Context, _ *rand.Rand) { r.proxy.cut() },
	"delay": (*run).faultDelay,
	"block": (*run).faultBlock,
	"drop": func(r *run, _ context.Context, rng *rand.Rand) {
		n := 1 + rng.IntN(3)
		r.proxy.set(func(p *proxy) { p.drop = n })
	},
	"replay": (*run).faultReplay,
	"hold":   (*run).faultHold,
}

// slowStart is how long a restart may take before it is an anomaly, on a machine with much else to do.
const slowStart = 10 * time.Second

// breakProcess does one fault after the other until ctx ends. It returns an error if the broker cannot go on.
func (r *run) breakProcess(ctx context.Context) error {
	rng := r.rng(1)
	for {
		if !wait(ctx, random(rng, r.profile.Every)) {
			return nil
		}
		name := pick(rng, r.profile.Faults)
		r.rec.Note(Event{Kind: KindFault, Text: name})
		if err := processFaults[name](r, ctx, rng); err != nil {
			r.broken("crash", "%v", err)
			return err
		}
		r.count(name)
	}
}

func (r *run) breakNet(ctx context.Context) {
	rng := r.rng(2)
	for wait(ctx, random(rng, r.profile.NetEvery)) {
		name := pick(rng, r.profile.NetFaults)
		r.rec.Note(Event{Kind: KindFault, Text: name})
		netFaults[name](r, ctx, rng)
		r.count(name)
	}
}

// wait sleeps and reports whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// pick chooses by weight.
func pick(rng *rand.Rand, weights map[string]int) string {
	total := 0
	for _, w := range weights {
		total += w
	}
	n := rng.IntN(total)
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		if n -= weights[name]; n < 0 {
			return name
		}
	}
	return ""
}

func (r *run) faultKill(_ context.Context, rng *rand.Rand) error {
	if err := r.process.kill(); err != nil {
		return err
	}
	if r.harm != nil {
		r.harm(r.process.dir)
	}
	if rng.IntN(4) == 0 { // clients meet a refused connection as well
		time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
	}
	return r.restart()
}

func (r *run) restart() error {
	took, err := r.process.start(context.Background())
	if err != nil {
		return err
	}
	r.worstStart = max(r.worstStart, took)
	if took > slowStart {
		r.broken("slow-restart", "the broker needed %v", took)
	}
	return nil
}

func (r *run) faultTerminate(_ context.Context, _ *rand.Rand) error {
	took, err := r.process.terminate()
	if err != nil {
		return fmt.Errorf("after %v: %w", took, err)
	}
	return r.restart()
}

func (r *run) faultPause(_ context.Context, rng *rand.Rand) error {
	if err := r.process.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	time.Sleep(time.Duration(100+rng.IntN(700)) * time.Millisecond)
	return r.process.signal(syscall.SIGCONT)
}

// faultFill fills the volume of the broker's files for a while. Only on a volume of their own.
func (r *run) faultFill(_ context.Context, rng *rand.Rand) error {
	f, err := os.Create(filepath.Join(r.process.dir, "ballast"))
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	time.Sleep(time.Duration(50+rng.IntN(300)) * time.Millisecond)
	return nil
}

func (r *run) faultDelay(ctx context.Context, rng *rand.Rand) {
	d := time.Duration(1+rng.IntN(40)) * time.Millisecond
	r.proxy.set(func(p *proxy) { p.delay = d })
	wait(ctx, time.Duration(rng.IntN(400))*time.Millisecond)
	r.proxy.set(func(p *proxy) { p.delay = 0 })
}

// faultBlock lets frames pass in one direction only, for a while.
func (r *run) faultBlock(ctx context.Context, rng *rand.Rand) {
	direction, open := rng.IntN(2), make(chan struct{})
	r.proxy.set(func(p *proxy) { p.block[direction] = open })
	wait(ctx, time.Duration(rng.IntN(500))*time.Millisecond)
	r.proxy.set(func(p *proxy) { p.block[direction] = nil })
	close(open)
}

func (r *run) faultReplay(_ context.Context, rng *rand.Rand) {
	d := time.Duration(1+rng.IntN(2000)) * time.Millisecond
	r.proxy.set(func(p *proxy) { p.replay = d })
}

func (r *run) faultHold(_ context.Context, rng *rand.Rand) {
	d := time.Duration(1+rng.IntN(3000)) * time.Millisecond
	r.proxy.set(func(p *proxy) { p.hold = d })
}
