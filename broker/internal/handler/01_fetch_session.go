package handler

import (
	"container/list"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// Fetch sessions (KIP-227) keep what a client wants to fetch, so that it sends
// only what changes, and gets only what changed.
//
// Epoch 0 opens a session, -1 closes it, and every other request carries the
// epoch that follows the one before, so that a lost or repeated request is
// noticed. There are so many slots. When they are taken a new session pushes
// out one that nobody used for a while, or an older one that is smaller; if
// there is none the client goes without a session, which costs bytes only.
const (
	noSession         = 0
	openSessionEpoch  = 0
	closeSessionEpoch = -1

	// sessionEvictAge is how long a session is safe from being pushed out.
	sessionEvictAge = 2 * time.Minute
)

// fetchWant is what a client wants of one partition, and, in a session, what
// it was told last.
type fetchWant struct {
	fetchKey
	offset           int64
	maxBytes         int32
	leaderEpoch      int32 // -1: unknown
	lastFetchedEpoch int32 // -1: unknown

	toldWatermark int64 // -1: nothing, or an error
	toldStart     int64
}

// fetchKey names a partition as the request does: by name or by id.
type fetchKey struct {
	topic string
	id    metadata.TopicID
	index int32
}

type fetchSession struct {
	id      int32
	byIDs   bool // topics are named by id
	created time.Time

	mu    sync.Mutex
	epoch int32 // guarded by mu: what the next request must carry
	// wants is in the order in which partitions are read: those that gave data
	// go to the end, so that a busy one does not starve the rest.
	wants []*fetchWant            // guarded by mu
	byKey map[fetchKey]*fetchWant // guarded by mu

	used time.Time     // guarded by the cache's mu
	size int           // guarded by the cache's mu: len(wants), for eviction
	at   *list.Element // guarded by the cache's mu
}

// sessionCache holds the sessions of all clients.
type sessionCache struct {
	slots    int
	evictAge time.Duration

	mu   sync.Mutex
	byID map[int32]*fetchSession // guarded by mu
	lru  *list.List              // guarded by mu: the session unused for longest is first
}

func newSessionCache(slots int, evictAge time.Duration) *sessionCache {
	return &sessionCache{slots: slots, evictAge: evictAge, byID: map[int32]*fetchSession{}, lru: list.New()}
}

// sessionUse is how one request uses a session.
type sessionUse struct {
	cache   *sessionCache
	session *fetchSession // nil: none
	epoch   int32         // of the session while the request is served
	id      int32         // for the answer; 0: none
	open    bool          // a session is to be opened with the answer
	byIDs   bool
	now     time.Time
	wants   []*fetchWant
}

// use finds or prepares the session of a request, with everything that it
// wants. Errors: FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH,
// FETCH_SESSION_TOPIC_ID_ERROR.
func (c *sessionCache) use(req *kmsg.FetchRequest, now time.Time) (sessionUse, error) {
	byIDs := req.Version >= idFetchVersion
	if req.Version < 7 {
		return sessionUse{cache: c, wants: wanted(req)}, nil
	}
	if req.SessionEpoch != openSessionEpoch && req.SessionEpoch != closeSessionEpoch {
		return c.resume(req, byIDs, now)
	}
	if req.SessionID != noSession {
		c.remove(req.SessionID)
	}
	return sessionUse{cache: c, open: req.SessionEpoch == openSessionEpoch, byIDs: byIDs, now: now, wants: wanted(req)}, nil
}

func wanted(req *kmsg.FetchRequest) []*fetchWant {
	n := 0
	for i := range req.Topics {
		n += len(req.Topics[i].Partitions)
	}
	wants, all := make([]*fetchWant, 0, n), make([]fetchWant, n)
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			w := &all[len(wants)]
			w.fetchKey = fetchKey{t.Topic, t.TopicID, t.Partitions[j].Partition}
			w.set(&t.Partitions[j])
			w.toldWatermark, w.toldStart = -1, -1
			wants = append(wants, w)
		}
	}
	return wants
}

func (w *fetchWant) set(p *kmsg.FetchRequestTopicPartition) {
	w.offset, w.maxBytes = p.FetchOffset, p.PartitionMaxBytes
	w.leaderEpoch, w.lastFetchedEpoch = p.CurrentLeaderEpoch, p.LastFetchedEpoch
}

// resume applies an incremental request to its session.
func (c *sessionCache) resume(req *kmsg.FetchRequest, byIDs bool, now time.Time) (sessionUse, error) {
	s := c.touch(req.SessionID, now)
	if s == nil {
		return sessionUse{}, fmt.Errorf("fetch session %d: %w", req.SessionID, kerr.FetchSessionIDNotFound)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.epoch != req.SessionEpoch:
		return sessionUse{}, fmt.Errorf("fetch session %d is at epoch %d, not %d: %w", s.id, s.epoch, req.SessionEpoch, kerr.InvalidFetchSessionEpoch)
	case s.byIDs != byIDs:
		return sessionUse{}, fmt.Errorf("fetch session %d changes between topic names and ids: %w", s.id, kerr.FetchSessionTopicIDError)
	}
	s.update(req)
	if len(s.wants) == 0 { // all forgotten: the session is over
		c.remove(s.id)
		return sessionUse{cache: c}, nil
	}
	c.resize(s)
	s.epoch = nextEpoch(s.epoch)
	use := sessionUse{cache: c, session: s, epoch: s.epoch, id: s.id, byIDs: byIDs, now: now}
	// The request works on copies: a second one on the same session, which
	// only a broken client sends, may change the session meanwhile.
	all := make([]fetchWant, len(s.wants))
	use.wants = make([]*fetchWant, len(s.wants))
	for i, w := range s.wants {
		all[i] = *w
		use.wants[i] = &all[i]
	}
	return use, nil
}

// nextEpoch counts up and wraps to 1: 0 and -1 have meanings of their own.
func nextEpoch(e int32) int32 {
	if e == math.MaxInt32 {
		return 1
	}
	return e + 1
}

// update adds, changes and removes what the request says. s.mu is held.
func (s *fetchSession) update(req *kmsg.FetchRequest) {
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			key := fetchKey{t.Topic, t.TopicID, t.Partitions[j].Partition}
			w, ok := s.byKey[key]
			if !ok {
				w = &fetchWant{fetchKey: key, toldWatermark: -1, toldStart: -1}
				s.byKey[key] = w
				s.wants = append(s.wants, w)
			}
			w.set(&t.Partitions[j])
		}
	}
	before := len(s.byKey)
	for i := range req.ForgottenTopics {
		t := &req.ForgottenTopics[i]
		for _, index := range t.Partitions {
			delete(s.byKey, fetchKey{t.Topic, t.TopicID, index})
		}
	}
	if len(s.byKey) == before {
		return
	}
	kept := s.wants[:0]
	for _, w := range s.wants {
		if s.byKey[w.fetchKey] == w {
			kept = append(kept, w)
		}
	}
	clear(s.wants[len(kept):])
	s.wants = kept
}

// answer returns what of the fetch goes into the answer: all of it without a
// session, and otherwise what the client does not know yet. Slices of what is
// left out are released. A new session is opened here, because from here on
// the client will know what it was told.
func (u *sessionUse) answer(f *fetch) ([]*fetchPart, error) {
	if u.session == nil {
		parts := make([]*fetchPart, len(f.parts))
		for i := range f.parts {
			parts[i] = &f.parts[i]
		}
		if u.open {
			u.id = u.cache.open(u.byIDs, f.parts, u.now)
		}
		return parts, nil
	}
	s := u.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != u.epoch {
		return nil, fmt.Errorf("fetch session %d went on to epoch %d: %w", s.id, s.epoch, kerr.InvalidFetchSessionEpoch)
	}
	var parts []*fetchPart
	withData := map[*fetchWant]bool{}
	for i := range f.parts {
		p := &f.parts[i]
		w := s.byKey[p.fetchKey]
		if w != nil && w.tell(p) {
			parts = append(parts, p)
			if p.result.Slice != nil && p.result.Slice.Len() > 0 {
				withData[w] = true
			}
			continue
		}
		if p.result.Slice != nil {
			p.result.Slice.Release()
			p.result.Slice = nil
		}
	}
	s.rotate(withData)
	return parts, nil
}

// untouched returns the session's id for an answer that tells nothing: 0 if
// there is none, and none is opened.
func (u *sessionUse) untouched() (int32, error) {
	s := u.session
	if s == nil {
		return noSession, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != u.epoch {
		return s.id, fmt.Errorf("fetch session %d went on to epoch %d: %w", s.id, s.epoch, kerr.InvalidFetchSessionEpoch)
	}
	return s.id, nil
}

// tell reports whether the client must hear of the result, and notes it.
func (w *fetchWant) tell(p *fetchPart) bool {
	if p.err != nil {
		w.toldWatermark = -1 // the next success is news
		return true
	}
	news := p.result.Slice != nil && p.result.Slice.Len() > 0 || p.result.Diverging != nil ||
		w.toldWatermark != p.result.HighWatermark || w.toldStart != p.result.LogStartOffset
	w.toldWatermark, w.toldStart = p.result.HighWatermark, p.result.LogStartOffset
	return news
}

// rotate moves the partitions that gave data to the end. s.mu is held.
func (s *fetchSession) rotate(withData map[*fetchWant]bool) {
	if len(withData) == 0 || len(withData) == len(s.wants) {
		return
	}
	next := make([]*fetchWant, 0, len(s.wants))
	var moved []*fetchWant
	for _, w := range s.wants {
		if withData[w] {
			moved = append(moved, w)
		} else {
			next = append(next, w)
		}
	}
	s.wants = append(next, moved...)
}

// open makes a session of an answered fetch and returns its id, or 0 if there
// is no slot for it.
func (c *sessionCache) open(byIDs bool, parts []fetchPart, now time.Time) int32 {
	s := &fetchSession{byIDs: byIDs, created: now, epoch: nextEpoch(openSessionEpoch), byKey: make(map[fetchKey]*fetchWant, len(parts))}
	for i := range parts {
		w := parts[i].fetchWant
		if _, twice := s.byKey[w.fetchKey]; twice {
			continue
		}
		w.tell(&parts[i])
		s.byKey[w.fetchKey] = w
		s.wants = append(s.wants, w)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.room(len(s.wants), now) {
		return noSession
	}
	for s.id == noSession || c.byID[s.id] != nil {
		s.id = rand.Int32()
	}
	s.used, s.size = now, len(s.wants)
	s.at = c.lru.PushBack(s)
	c.byID[s.id] = s
	return s.id
}

// room makes a slot free if need be. c.mu is held.
func (c *sessionCache) room(size int, now time.Time) bool {
	if c.lru.Len() < c.slots {
		return true
	}
	if c.slots <= 0 {
		return false
	}
	oldest := c.lru.Front().Value.(*fetchSession)
	if now.Sub(oldest.used) > c.evictAge {
		c.drop(oldest)
		return true
	}
	var smallest *fetchSession
	for e := c.lru.Front(); e != nil; e = e.Next() {
		s := e.Value.(*fetchSession)
		if now.Sub(s.created) > c.evictAge && s.size < size && (smallest == nil || s.size < smallest.size) {
			smallest = s
		}
	}
	if smallest == nil {
		return false
	}
	c.drop(smallest)
	return true
}

// drop forgets a session. c.mu is held.
func (c *sessionCache) drop(s *fetchSession) {
	delete(c.byID, s.id)
	c.lru.Remove(s.at)
}

func (c *sessionCache) remove(id int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.byID[id]; ok {
		c.drop(s)
	}
}

// touch returns a session and marks it as used; nil if there is none.
func (c *sessionCache) touch(id int32, now time.Time) *fetchSession {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.byID[id]
	if !ok {
		return nil
	}
	s.used = now
	c.lru.MoveToBack(s.at)
	return s
}

// resize notes how large a session has become. s.mu is held: the cache's lock
// is taken inside a session's, never the other way round.
func (c *sessionCache) resize(s *fetchSession) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.size = len(s.wants)
}
