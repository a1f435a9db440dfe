package handler

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// opened makes a session of n partitions in a cache; 0 if there is no slot.
func opened(c *sessionCache, n int, now time.Time) int32 {
	parts := make([]fetchPart, n)
	for i := range parts {
		parts[i].fetchWant = &fetchWant{fetchKey: fetchKey{topic: "t", index: int32(i)}}
	}
	return c.open(false, parts, now)
}

func TestSessionCacheMakesRoom(t *testing.T) {
	now := time.Unix(0, 0)
	c := newSessionCache(2, time.Minute)
	alive := func(id int32) bool { return c.byID[id] != nil }

	a, b := opened(c, 1, now), opened(c, 5, now)
	if opened(c, 9, now.Add(time.Second)) != 0 {
		t.Error("a young session was pushed out")
	}
	c.touch(a, now.Add(90*time.Second))
	d := opened(c, 1, now.Add(91*time.Second)) // b was not used for a minute
	if d == 0 || alive(b) || !alive(a) {
		t.Errorf("stale session: new %v, stale %v, used %v", d != 0, alive(b), alive(a))
	}
	if opened(c, 1, now.Add(100*time.Second)) != 0 {
		t.Error("an old session in use was pushed out by one that is no larger")
	}
	e := opened(c, 2, now.Add(100*time.Second)) // a is old and smaller
	if e == 0 || alive(a) || !alive(d) {
		t.Errorf("larger session: new %v, old %v, young %v", e != 0, alive(a), alive(d))
	}
	if len(c.byID) != 2 || c.lru.Len() != 2 {
		t.Errorf("%d sessions, %d in order", len(c.byID), c.lru.Len())
	}
	if none := newSessionCache(0, time.Minute); opened(none, 1, now) != 0 {
		t.Error("a session without slots")
	}
}

func TestSessionEpochWraps(t *testing.T) {
	now := time.Unix(0, 0)
	c := newSessionCache(1, time.Minute)
	id := opened(c, 1, now)
	c.byID[id].epoch = math.MaxInt32
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.SessionID, req.SessionEpoch = 12, id, math.MaxInt32
	if use, err := c.use(req, now); err != nil || use.epoch != 1 {
		t.Errorf("epoch %d after the last one, %v", use.epoch, err)
	}
}

// A request that another one overtook on its session is told so.
func TestSessionOvertaken(t *testing.T) {
	now := time.Unix(0, 0)
	c := newSessionCache(1, time.Minute)
	id := opened(c, 1, now)
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.SessionID, req.SessionEpoch = 12, id, 1
	first, err := c.use(req, now)
	if err != nil {
		t.Fatal(err)
	}
	req.SessionEpoch = 2
	if _, err := c.use(req, now); err != nil {
		t.Fatal(err)
	}
	if _, err := first.answer(&fetch{}); !errors.Is(err, kerr.InvalidFetchSessionEpoch) {
		t.Errorf("answer of the first request: %v", err)
	}
}

// When all partitions are forgotten the session is over.
func TestSessionForgetsAll(t *testing.T) {
	now := time.Unix(0, 0)
	c := newSessionCache(1, time.Minute)
	id := opened(c, 2, now)
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.SessionID, req.SessionEpoch = 12, id, 1
	forget := kmsg.NewFetchRequestForgottenTopic()
	forget.Topic, forget.Partitions = "t", []int32{0, 1, 7}
	req.ForgottenTopics = append(req.ForgottenTopics, forget)
	use, err := c.use(req, now)
	if err != nil || use.session != nil || use.id != 0 || len(use.wants) != 0 || len(c.byID) != 0 {
		t.Errorf("use %+v, %v, %d sessions", use, err, len(c.byID))
	}
}
