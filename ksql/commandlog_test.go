package ksql_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chortal/chortal/internal/testcluster"
	"github.com/chortal/chortal/ksql"
)

const (
	commands = "_chortal_default__commands"
	appOf    = "_confluent-ksql-default_query_"
)

func topicsOf(t testing.TB, cl *testcluster.Cluster) string {
	t.Helper()
	topics, err := kadm.NewClient(cl.Client()).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(topics.Names(), "\n")
}

func createTopic(t testing.TB, cl *testcluster.Cluster, name string) {
	t.Helper()
	if _, err := kadm.NewClient(cl.Client()).CreateTopic(t.Context(), 1, 1, nil, name); err != nil {
		t.Fatal(err)
	}
}

func writeCommand(t testing.TB, cl *testcluster.Cluster, key, value string) int64 {
	t.Helper()
	r := &kgo.Record{Topic: commands, Key: []byte(key), Value: []byte(value)}
	if err := cl.Client().ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return r.Offset
}

// Topics and state with the prefix of the engine's queries may belong to a ksqlDB on the same cluster, or to a query
// whose record cannot be read. They stay.
func TestStartDeletesNothingThatTheLogDoesNotDrop(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	dir := t.TempDir()
	foreign := appOf + "CTAS_AJENA_7-Aggregate-Materialize-changelog"
	createTopic(t, cl, foreign)
	more := func(c *ksql.Config) { c.StateDir = dir }
	e := start(t, cl, more)
	e.exec(ventas)
	e.sell("café", 3, "2026-03-02")
	e.eventually("SELECT total FROM totales WHERE que = 'café';", `[3.0]`)
	var own string
	for _, q := range e.exec("SHOW QUERIES;")[0].Queries {
		if strings.HasPrefix(q.ID, "CTAS_TOTALES_") {
			own = q.ID
		}
	}
	e.stop()
	offset := writeCommand(t, cl, "source/TOTALES", `{"version": 99, "epoch": 1}`)
	writeCommand(t, cl, "dropping/"+own, fmt.Sprintf(`{"version": 2, "epoch": 1, "dropping": %q}`, own))

	var log bytes.Buffer
	e = start(t, cl, func(c *ksql.Config) {
		c.StateDir = dir
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	})
	e.stop()
	left := topicsOf(t, cl)
	for _, want := range []string{foreign, appOf + own + "-"} {
		if !strings.Contains(left, want) {
			t.Errorf("topic %s... was deleted; left are\n%s", want, left)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, appOf+own)); err != nil {
		t.Errorf("the state of a query was deleted: %v", err)
	}
	if !strings.Contains(log.String(), fmt.Sprintf("offset=%d", offset)) {
		t.Errorf("the log does not name offset %d:\n%s", offset, log.String())
	}
}

// An engine that died while it dropped a query leaves an announcement: the next one finishes the drop, once.
func TestStartFinishesDrops(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	dir := t.TempDir()
	more := func(c *ksql.Config) { c.StateDir = dir }
	start(t, cl, more).stop()
	topic, state := appOf+"CTAS_X_1-Aggregate-Materialize-changelog", filepath.Join(dir, appOf+"CTAS_X_1")
	leave := func() {
		t.Helper()
		createTopic(t, cl, topic)
		if err := os.MkdirAll(state, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	writeCommand(t, cl, "dropping/CTAS_X_1", `{"version": 2, "epoch": 1, "dropping": "CTAS_X_1"}`)
	start(t, cl, more).stop()
	if left := topicsOf(t, cl); strings.Contains(left, topic) {
		t.Errorf("the drop was not finished: %s", left)
	}
	if _, err := os.Stat(state); err == nil {
		t.Error("the state was not deleted")
	}
	leave()
	start(t, cl, more).stop()
	if left := topicsOf(t, cl); !strings.Contains(left, topic) {
		t.Error("a drop that was finished was done again")
	}
}

// What a superseded engine writes is refused, and the owner's definition survives it.
func TestWriteOfSupersededEngineIsRefused(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	e, err := ksql.New(ksql.Config{Brokers: cl.Seeds(), Dialer: cl.Dialer()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	defer func() { cancel(); <-done }()
	<-e.Ready()
	writeCommand(t, cl, "owner", `{"version": 1, "epoch": 9, "owner": "other"}`)
	if _, err := e.Execute(ctx, "CREATE TYPE t AS INT;", ksql.Options{}); err == nil {
		t.Error("a statement behind a newer owner was acknowledged")
	}
	select {
	case err := <-done:
		done <- err
		if !errors.Is(err, ksql.ErrSuperseded) {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the superseded engine goes on")
	}
}

// A definition that a superseded engine writes late is not served, and compaction cannot lose the owner's for it.
func TestLateWriteIsUndone(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	start(t, cl, nil).stop() // epoch 1
	e := start(t, cl, nil)
	e.exec("CREATE TYPE dinero AS INT;")
	writeCommand(t, cl, "type/DINERO", `{"version": 1, "epoch": 1, "type": {"name": "DINERO", "type": "STRING"}}`)
	var last string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && !strings.Contains(last, "INTEGER"); time.Sleep(20 * time.Millisecond) {
		last = lastCommand(t, cl, "type/DINERO")
	}
	if !strings.Contains(last, "INTEGER") {
		t.Errorf("the last record is %s", last)
	}
	e.stop()
	e = start(t, cl, nil)
	if got := fmt.Sprint(e.exec("SHOW TYPES;")[0].Types); !strings.Contains(got, "INTEGER") {
		t.Errorf("types: %s", got)
	}
}

// lastCommand is the newest record of a key of the command log.
func lastCommand(t testing.TB, cl *testcluster.Cluster, key string) string {
	t.Helper()
	end, err := kadm.NewClient(cl.Client()).ListEndOffsets(t.Context(), commands)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := end.Lookup(commands, 0)
	client, err := kgo.NewClient(kgo.SeedBrokers(cl.Seeds()...), kgo.Dialer(cl.Dialer()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{commands: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	last := ""
	for at := int64(-1); at < o.Offset-1; {
		for _, r := range client.PollFetches(t.Context()).Records() {
			at = r.Offset
			if string(r.Key) == key {
				last = string(r.Value)
			}
		}
	}
	return last
}

// Engines that start at once agree on one of them, and what it acknowledged is there for the next.
func TestEnginesThatStartAtOnce(t *testing.T) {
	cl := testcluster.Start(t, testcluster.Config{})
	acknowledged := make(chan string, 8)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const engines = 4
	ended := make(chan error, engines)
	for i := range engines {
		e, err := ksql.New(ksql.Config{Brokers: cl.Seeds(), Dialer: cl.Dialer()})
		if err != nil {
			t.Fatal(err)
		}
		go func() { ended <- e.Run(ctx) }()
		go func() {
			select {
			case <-e.Ready():
			case <-ctx.Done():
				acknowledged <- ""
				return
			}
			name := fmt.Sprintf("T%d", i)
			if _, err := e.Execute(ctx, "CREATE TYPE "+name+" AS INT;", ksql.Options{}); err != nil {
				name = ""
			}
			acknowledged <- name
		}()
	}
	for range engines - 1 { // all but one are superseded
		select {
		case err := <-ended:
			if !errors.Is(err, ksql.ErrSuperseded) {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("several engines go on")
		}
	}
	var names []string
	for range engines {
		names = append(names, <-acknowledged)
	}
	cancel()
	<-ended
	types := fmt.Sprint(start(t, cl, nil).exec("SHOW TYPES;")[0].Types)
	for _, name := range names {
		if name != "" && !strings.Contains(types, name+":") {
			t.Errorf("%s was acknowledged and is lost: %s", name, types)
		}
	}
}
