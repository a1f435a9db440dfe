package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// operator runs a command line against a node and returns what it prints; want is its exit code.
func operator(t *testing.T, n *node, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	got := run(t.Context(), append(args, "-b", n.kafkaAddr()), terminal{in: strings.NewReader(""), out: &out, err: &errs})
	if got != want {
		t.Fatalf("chortal %s ends with %d, want %d\n%s%s", strings.Join(args, " "), got, want, out.String(), errs.String())
	}
	return out.String() + errs.String()
}

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in\n%s", p, text)
		}
	}
}

// A group of the consumer protocol is described, is not reset while somebody is in it, and is deleted when it is empty.
func TestGroupOfTheConsumerProtocol(t *testing.T) {
	n := startNode(t)
	operator(t, n, 0, "topic", "create", "ventas", "-p", "2")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(n.kafkaAddr()), kgo.ConsumerGroup("nuevo"), kgo.ConsumeTopics("ventas"), kgo.ClientID("caja"), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		//lint:ignore SA1029 the client's own switch
		kgo.WithContext(context.WithValue(ctx, "opt_in_kafka_next_gen_balancer_beta", true)),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for p := range int32(2) {
		r := &kgo.Record{Topic: "ventas", Partition: p, Value: []byte("uno")}
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for read := 0; read < 2; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		read += fetches.NumRecords()
		if err := cl.CommitUncommittedOffsets(ctx); err != nil {
			t.Fatal(err)
		}
	}
	wantText(t, operator(t, n, 0, "group", "describe", "nuevo"), "Type: Consumer", "Assignor: uniform", "Members: 1  Lag: 0", "caja")
	wantText(t, operator(t, n, 0, "group", "describe", "nuevo", "--members", "-o", "csv"), `"ventas:0,1"`)
	wantText(t, operator(t, n, 0, "group", "describe", "nuevo", "--state", "-o", "json"), `"type":"Consumer"`, `"state":"Stable"`)
	wantText(t, operator(t, n, 0, "group", "list", "--type", "consumer"), "nuevo  consumer  Stable")
	wantText(t, operator(t, n, 1, "group", "reset", "nuevo", "--topic", "ventas", "--to-earliest", "--execute"), "NON_EMPTY_GROUP", "stop its members")
	wantText(t, operator(t, n, 1, "group", "delete", "nuevo", "--yes"), "NON_EMPTY_GROUP")
	cl.LeaveGroup()
	operator(t, n, 0, "group", "reset", "nuevo", "--topic", "ventas", "--to-earliest", "--execute")
	wantText(t, operator(t, n, 0, "group", "lag", "nuevo", "-o", "csv"), "nuevo,Empty,ventas,2,2")
	operator(t, n, 0, "group", "delete", "nuevo", "--yes")
}

// Transactions are listed and described while they are open, aborted by their start, and terminated with their producer.
func TestTransactionsOfOperators(t *testing.T) {
	n := startNode(t)
	operator(t, n, 0, "topic", "create", "ventas")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	open := func(id string) *kgo.Client {
		cl, err := kgo.NewClient(kgo.SeedBrokers(n.kafkaAddr()), kgo.TransactionalID(id), kgo.DefaultProduceTopic("ventas"), kgo.RecordRetries(1))
		if err != nil {
			t.Fatal(err)
		}
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(ctx, kgo.StringRecord("uno")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		return cl
	}
	cl := open("copia-1")
	defer cl.Close()
	wantText(t, operator(t, n, 0, "txn", "list", "--state", "Ongoing", "-o", "json"), `"transactional_id":"copia-1"`, `"state":"Ongoing"`)
	wantText(t, operator(t, n, 0, "txn", "describe", "copia-1"), "Ongoing", "ventas:0")
	wantText(t, operator(t, n, 0, "txn", "describe-producers", "ventas", "-o", "json"), `"transaction_start_offset":0`)
	if got := operator(t, n, 0, "txn", "find-hanging", "--max-transaction-timeout", "0s", "-o", "json"); got != "" {
		t.Errorf("a transaction that its coordinator knows is said to hang: %s", got)
	}
	operator(t, n, 0, "txn", "terminate", "copia-1", "--yes")
	if got := operator(t, n, 0, "txn", "list", "--state", "Ongoing", "-o", "json"); got != "" {
		t.Errorf("after terminate: %s", got)
	}
	if err := cl.ProduceSync(ctx, kgo.StringRecord("dos")).FirstErr(); err == nil {
		t.Error("the producer of a terminated transaction still writes")
	}

	other := open("copia-2")
	defer other.Close()
	wantText(t, operator(t, n, 0, "txn", "abort", "ventas", "0", "--start-offset", "2", "--yes"), "aborted the transaction of producer")
	wantText(t, operator(t, n, 0, "topic", "offsets", "ventas", "-o", "csv"), "ventas,0,0,4,4")
}
