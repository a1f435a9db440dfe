package streams_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chortal/chortal/internal/testcluster"
	"github.com/chortal/chortal/streams"
)

// ended waits until an application has ended by itself.
func (r *running) ended() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		r.done <- nil
		return err
	case <-time.After(testTimeout):
		r.t.Fatal("application does not end")
		return nil
	}
}

// TestRecreatedSource: the application ends, and its next run reads all of the new topic, though more than that was read of
// the old one, and though offsets of it are committed.
func TestRecreatedSource(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{Properties: map[string]string{"auto.create.topics.enable": "false"}})
	c.create(1, "lines", "totals")
	cfg := c.config("words", t.TempDir())
	b, _ := wordCount("lines", "totals")
	app := run(t, b, cfg).ready()
	for i := range 5 {
		c.produce("lines", fmt.Sprint(i, "=a"))
	}
	c.awaitCounts("totals", map[string]int64{"a": 5})
	if _, err := c.admin.DeleteTopics(c.ctx(), "lines"); err != nil {
		t.Fatal(err)
	}
	c.create(1, "lines")
	err := app.ended()
	missing, ok := errors.AsType[*streams.MissingSourceTopicError](err)
	if !ok || missing.Topic != "lines" || !missing.Recreated {
		t.Fatalf("the topic was recreated: %v", err)
	}
	after := startedAgain(t, c) // a client does not produce to a recreated topic
	for i := range 7 {
		after.produce("lines", fmt.Sprint(i, "=b"))
	}
	b, _ = wordCount("lines", "totals")
	run(t, b, cfg).ready()
	c.awaitCounts("totals", map[string]int64{"a": 5, "b": 7})
}

// TestDeletedSource: the application ends, and reading does not bring the topic back.
func TestDeletedSource(t *testing.T) {
	t.Parallel()
	c := startCluster(t, testcluster.Config{})
	c.create(1, "lines", "totals")
	b, _ := wordCount("lines", "totals")
	app := run(t, b, c.config("words", t.TempDir())).ready()
	if _, err := c.admin.DeleteTopics(c.ctx(), "lines"); err != nil {
		t.Fatal(err)
	}
	err := app.ended()
	missing, ok := errors.AsType[*streams.MissingSourceTopicError](err)
	if !ok || missing.Topic != "lines" || missing.Recreated {
		t.Errorf("the topic was deleted: %v", err)
	}
	details, err := c.admin.ListTopics(c.ctx())
	if err != nil || details.Has("lines") {
		t.Errorf("the topic is back: %v", err)
	}
}
