package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chortal/chortal/ksql/client"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kills is how often a test kills the server: CHORTAL_KILLS, or a few.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CHORTAL_KILLS")
	if text == "" {
		if testing.Short() {
			t.Skip("short")
		}
		return 2
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CHORTAL_KILLS=%s: want a number of kills", text)
	}
	return n
}

// sale is what the producers write: who wrote it, as which of his.
type sale struct {
	Que    string `json:"que"`
	Precio int64  `json:"precio"`
	Writer int    `json:"writer"`
	Seq    int    `json:"seq"`
}

// ack is what a producer was told: its record is at this place.
type ack struct {
	partition int32
	offset    int64
	value     []byte
}

// writer is one acks=all, idempotent producer that never gives up, with what
// was acknowledged to it.
type writer struct {
	id     int
	mu     sync.Mutex
	acks   []ack
	failed error
	sent   int
}

func (w *writer) run(ctx context.Context, addr, topic string) error {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0), kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	products := []string{"café", "té", "pan", "leche", "queso"}
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for ctx.Err() == nil {
		s := sale{Que: products[w.sent%len(products)], Precio: int64(w.sent%97 + 1), Writer: w.id, Seq: w.sent}
		w.sent++
		value, err := json.Marshal(s)
		if err != nil {
			return err
		}
		cl.Produce(context.WithoutCancel(ctx), &kgo.Record{Key: []byte(s.Que), Value: value}, w.acknowledged)
		select {
		case <-ctx.Done():
		case <-pace.C:
		}
	}
	flushing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return cl.Flush(flushing)
}

func (w *writer) acknowledged(r *kgo.Record, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.failed = err
		return
	}
	w.acks = append(w.acks, ack{r.Partition, r.Offset, bytes.Clone(r.Value)})
}

const createSales = `CREATE STREAM ventas (que VARCHAR, precio BIGINT, writer INT, seq INT) WITH (KAFKA_TOPIC='ventas', VALUE_FORMAT='JSON');`

// A load of acks=all producers goes on while the server is killed and started
// again and again. No acknowledged record may be missing, twice, or elsewhere;
// a table computed afterwards must equal the topic; the table that ran through
// it all may count a sale twice (at least once), but never miss one.
func TestKillLosesNothing(t *testing.T) {
	n := kills(t)
	p := newProcess(t, "")
	p.start()
	createTopic(t, p.kafka, "ventas", 4)
	sql := newSQL(t, p.sql)
	execute(t, sql, createSales)
	execute(t, sql, `CREATE TABLE through AS SELECT que, COUNT(*) AS n, SUM(precio) AS total FROM ventas GROUP BY que;`)

	ctx, stop := context.WithCancel(t.Context())
	writers := make([]*writer, 3)
	var running sync.WaitGroup
	for i := range writers {
		writers[i] = &writer{id: i}
		running.Go(func() {
			if err := writers[i].run(ctx, p.kafka, "ventas"); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	for i := range n {
		time.Sleep(time.Duration(100+rand.IntN(500)) * time.Millisecond)
		p.kill()
		if i%3 == 2 {
			time.Sleep(50 * time.Millisecond) // clients meet a refused connection as well
		}
		p.start()
	}
	time.Sleep(200 * time.Millisecond)
	stop()
	running.Wait()

	log := readTopic(t, p.kafka, "ventas", 4)
	checkAcks(t, writers, log)
	want := totals(t, log)
	acked := 0
	for _, w := range writers {
		acked += len(w.acks)
	}
	t.Logf("%d kills, %d acknowledged records", n, acked)

	execute(t, sql, `CREATE TABLE after AS SELECT que, COUNT(*) AS n, SUM(precio) AS total FROM ventas GROUP BY que;`)
	eventually(t, "the table made after the kills equals the topic", func() error {
		got := tableOf(t, sql, "after")
		if !maps.Equal(got, want) {
			return fmt.Errorf("table %v, topic %v", got, want)
		}
		return nil
	})
	eventually(t, "the table that ran through the kills misses nothing", func() error {
		got := tableOf(t, sql, "through")
		for que, w := range want {
			if got[que].n < w.n || got[que].total < w.total {
				return fmt.Errorf("%s: table %v, topic %v", que, got[que], w)
			}
		}
		return nil
	})
	if took := p.stop(); took > 8*time.Second {
		t.Errorf("SIGTERM took %s", took)
	}
}

func createTopic(t *testing.T, addr, topic string, partitions int32) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	forever := "-1"
	r, err := kadm.NewClient(cl).CreateTopic(t.Context(), partitions, 1, map[string]*string{"retention.ms": &forever}, topic)
	if err != nil || r.Err != nil {
		t.Fatalf("create topic %s: %v, %v", topic, err, r.Err)
	}
}

// readTopic returns each partition's records from the first to the end.
func readTopic(t *testing.T, addr, topic string, partitions int) [][]*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	log := make([][]*kgo.Record, partitions)
	for left > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %s: %v, %d records are missing", topic, err, left)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			log[r.Partition] = append(log[r.Partition], r)
			left--
		})
	}
	return log
}

// checkAcks holds the log against what the writers were told.
func checkAcks(t *testing.T, writers []*writer, log [][]*kgo.Record) {
	t.Helper()
	seen := map[[2]int]bool{}
	for p, records := range log {
		last := map[int]int{}
		for i, r := range records {
			if r.Offset != int64(i) {
				t.Fatalf("partition %d: offset %d stands at place %d", p, r.Offset, i)
			}
			var s sale
			if err := json.Unmarshal(r.Value, &s); err != nil {
				t.Fatalf("partition %d offset %d: %v", p, r.Offset, err)
			}
			id := [2]int{s.Writer, s.Seq}
			if seen[id] {
				t.Errorf("partition %d offset %d: sale %v is there twice", p, r.Offset, id)
			}
			seen[id] = true
			if before, ok := last[s.Writer]; ok && s.Seq < before {
				t.Errorf("partition %d offset %d: sale %d of writer %d stands behind %d", p, r.Offset, s.Seq, s.Writer, before)
			}
			last[s.Writer] = s.Seq
		}
	}
	for _, w := range writers {
		if w.failed != nil {
			t.Errorf("writer %d: %v", w.id, w.failed)
		}
		if len(w.acks) == 0 {
			t.Errorf("writer %d had nothing acknowledged", w.id)
		}
		for _, a := range w.acks {
			if int(a.offset) >= len(log[a.partition]) {
				t.Errorf("partition %d ends at %d: acknowledged offset %d is lost", a.partition, len(log[a.partition]), a.offset)
			} else if got := log[a.partition][a.offset].Value; !bytes.Equal(got, a.value) {
				t.Errorf("partition %d offset %d: %s was acknowledged, %s is there", a.partition, a.offset, a.value, got)
			}
		}
	}
}

type total struct{ n, total int64 }

// totals is the plain loop over the topic that a table must equal.
func totals(t *testing.T, log [][]*kgo.Record) map[string]total {
	t.Helper()
	sums := map[string]total{}
	for _, records := range log {
		for _, r := range records {
			var s sale
			if err := json.Unmarshal(r.Value, &s); err != nil {
				t.Fatal(err)
			}
			sums[s.Que] = total{sums[s.Que].n + 1, sums[s.Que].total + s.Precio}
		}
	}
	return sums
}

func newSQL(t *testing.T, addr string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: "http://" + addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

var earliest = client.Options{Properties: map[string]string{"auto.offset.reset": "earliest"}}

func execute(t *testing.T, c *client.Client, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := c.Execute(ctx, sql, earliest); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// tableOf reads a table of (que, n, total) with a pull query; nil while it
// cannot be read.
func tableOf(t *testing.T, c *client.Client, name string) map[string]total {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	rows, err := c.Query(ctx, "SELECT que, n, total FROM "+name+";", client.Options{})
	if err != nil {
		t.Logf("pull query: %v", err)
		return nil
	}
	defer rows.Close()
	got := map[string]total{}
	for rows.Next() {
		row := rows.Row()
		n, _ := row[1].(json.Number).Int64()
		sum, _ := row[2].(json.Number).Int64()
		got[fmt.Sprint(row[0])] = total{n, sum}
	}
	if err := rows.Err(); err != nil {
		t.Logf("pull query: %v", err)
		return nil
	}
	return got
}

// eventually repeats a check until it holds, for up to a minute.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Errorf("%s: %v", what, err)
}
