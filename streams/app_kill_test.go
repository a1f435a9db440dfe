package streams_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/internal/testcluster"
	"github.com/chortal/chortal/streams"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The environment of a child process: TestKilledChild runs in it.
const (
	childBrokers = "CHORTAL_TEST_BROKERS"
	childState   = "CHORTAL_TEST_STATE"
)

// TestKilledChild is the application that TestKill9 kills.
func TestKilledChild(t *testing.T) {
	brokers := os.Getenv(childBrokers)
	if brokers == "" {
		t.Skip("only as a child of TestKill9")
	}
	b, _ := wordCount("lines", "totals")
	app, err := streams.New(b.Build(), streams.Config{
		ApplicationID: "words", Brokers: []string{brokers}, StateDir: os.Getenv(childState),
		CommitInterval: 20 * time.Millisecond, SessionTimeout: 600 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-app.Ready()
		fmt.Println("ready")
	}()
	if err := app.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestKill9 kills a process with state on disk in the middle of its work, again and again: no count is below the true one,
// and in the end each is at least that.
func TestKill9(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	c := startCluster(t, testcluster.Config{TCP: true, Properties: map[string]string{"group.min.session.timeout.ms": "500"}})
	c.create(2, "lines", "totals")
	want, dir := make(map[string]int64), t.TempDir()
	for round := range 4 {
		var lines []string
		for i := range 1000 {
			w := fmt.Sprintf("w%d", i*i%23)
			want[w]++
			lines = append(lines, fmt.Sprintf("%d=%s", i, w))
		}
		child := startChild(t, c.Seeds()[0], dir)
		c.produce("lines", lines...)
		if round < 3 {
			time.Sleep(time.Duration(15*round) * time.Millisecond) // anywhere in its work
			child.kill()
		}
	}
	got := make(map[string]int64)
	client := c.Client(kgo.MetadataMinAge(minAge), kgo.ConsumeTopics("totals"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for deadline := time.Now().Add(testTimeout); !reached(got, want); {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got[string(r.Key)] = int64(binary.BigEndian.Uint64(r.Value)) })
		cancel()
		if time.Now().After(deadline) {
			t.Fatalf("counts %v, want at least %v", got, want)
		}
	}
}

type child struct {
	t   testing.TB
	cmd *exec.Cmd
}

// startChild runs TestKilledChild in a process of its own and waits until it is ready.
func startChild(t testing.TB, brokers, state string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$", "-test.v")
	cmd.Env = append(os.Environ(), childBrokers+"="+brokers, childState+"="+state)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t, cmd}
	t.Cleanup(c.kill)
	ready := make(chan string, 1)
	go func() {
		var text strings.Builder
		buf := make([]byte, 4096)
		for !strings.Contains(text.String(), "ready") {
			n, err := out.Read(buf)
			text.Write(buf[:n])
			if err != nil {
				ready <- text.String()
				return
			}
		}
		ready <- ""
	}()
	select {
	case failure := <-ready:
		if failure != "" {
			t.Fatalf("child: %s", failure)
		}
	case <-time.After(testTimeout):
		t.Fatal("child is not ready")
	}
	return c
}

// kill is kill -9.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may have been killed before
	_ = c.cmd.Wait()
}
