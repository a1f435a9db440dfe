package quota

import "sync"

// maxMeasures bounds the measures of one kind: names of clients are theirs to
// choose.
const maxMeasures = 10_000

// expireAfterMs is how long the measure of an idle client is still shown.
const expireAfterMs = 60 * 60 * 1000

// measure is what is known of one client's use. rate or bucket counts,
// depending on the kind.
type measure struct {
	rate   rate
	bucket bucket
	limit  float64 // when it was last used
	usedMs int64
	hidden bool // its name is not fit for a metric
}

// table holds the measures of one kind.
type table[K comparable] struct {
	window window
	tokens bool // they are buckets
	max    int
	hide   func(K) bool // nil: none

	mu  sync.Mutex
	all map[K]*measure // guarded by mu, with all measures in it
}

func newTable[K comparable](w window, tokens bool) *table[K] {
	return &table[K]{window: w, tokens: tokens, max: maxMeasures, all: map[K]*measure{}}
}

// get returns the measure of a client, a new one if there is none. t.mu is held.
func (t *table[K]) get(who K, limit float64, nowMs int64) *measure {
	m := t.all[who]
	if m == nil {
		if len(t.all) >= t.max {
			t.makeRoom(nowMs)
		}
		m = &measure{hidden: t.hide != nil && t.hide(who)}
		t.all[who] = m
	}
	m.usedMs, m.limit = nowMs, limit
	return m
}

// makeRoom drops what says nothing any more, and then others until a tenth of
// the table is free: a client may then use its quota once more. t.mu is held.
func (t *table[K]) makeRoom(nowMs int64) {
	for who, m := range t.all {
		if t.idle(m, nowMs) {
			delete(t.all, who)
		}
	}
	for who := range t.all {
		if len(t.all) <= t.max-max(t.max/10, 1) {
			return
		}
		delete(t.all, who)
	}
}

func (t *table[K]) idle(m *measure, nowMs int64) bool {
	if t.tokens {
		return m.bucket.idle(t.window, m.limit, nowMs)
	}
	return m.rate.idle(t.window, nowMs)
}

// sweep drops measures that have not been used for long.
func (t *table[K]) sweep(nowMs int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for who, m := range t.all {
		if nowMs-m.usedMs >= expireAfterMs && t.idle(m, nowMs) {
			delete(t.all, who)
		}
	}
}

// use adds value to a client's rate and returns how long it is to wait.
func (t *table[K]) use(who K, limit, value float64, nowMs int64) (waitMs int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.get(who, limit, nowMs)
	m.rate.record(t.window, value, nowMs)
	return m.rate.wait(t.window, limit, nowMs)
}

// add adds value and asks nothing.
func (t *table[K]) add(who K, limit, value float64, nowMs int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.get(who, limit, nowMs).rate.record(t.window, value, nowMs)
}

// take takes n tokens of a client. If strict, it takes none while tokens are
// missing; otherwise it takes them and says how long to wait for those that
// are missing then.
func (t *table[K]) take(who K, limit, n float64, strict bool, nowMs int64) (waitMs int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := &t.get(who, limit, nowMs).bucket
	if strict {
		if waitMs = b.wait(t.window, limit, nowMs); waitMs == 0 {
			b.take(t.window, limit, n, nowMs)
		}
		return waitMs
	}
	b.take(t.window, limit, n, nowMs)
	return b.wait(t.window, limit, nowMs)
}
