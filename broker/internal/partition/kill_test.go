package partition_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/internal/recordbatch"
)

const killDir = "CHORTAL_TEST_KILL_DIR"

// victim appends until it is killed and prints every sequence that was acknowledged.
func victim(dir string) error {
	disk, err := fs.NewOS(dir)
	if err != nil {
		return err
	}
	c := memConfig(disk)
	c.RecoveryPointInterval, c.HighWatermarkInterval = 1e6, 1e6
	m, err := partition.Open(c)
	if err != nil {
		return err
	}
	go m.Run(context.Background())
	config := partition.DefaultTopicConfig()
	config.SegmentBytes = 20_000
	p, err := m.Create(partition.Spec{Topic: "ventas", TopicID: [16]byte{1}, Config: config})
	if err != nil {
		return err
	}
	for i := p.LogEndOffset(); ; i++ {
		b := recordbatch.NewBuilder(recordbatch.Options{HasProducer: true, ProducerID: 7, BaseSequence: int32(i)})
		b.Append(i, nil, fmt.Appendf(nil, "value %d", i))
		batch, err := b.Build()
		if err != nil {
			return err
		}
		if _, err := p.AppendWait(context.Background(), batch, partition.AppendOptions{Acks: -1}); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// TestKill kills a process that appends, again and again: every acknowledged record is there once, at its offset.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := int64(-1)
	for range 8 {
		acked = max(acked, killOne(t, dir, 20+rand.IntN(60)))
	}
	disk, err := fs.NewOS(dir)
	must(t, err)
	b := open(t, memConfig(disk))
	if !b.Unclean() {
		t.Error("a kill went unnoticed")
	}
	p := b.create(t, "ventas")
	got := read(t, p, 0)
	if int64(len(got)) <= acked || len(got) < 160 {
		t.Fatalf("%d records, offset %d was acknowledged", len(got), acked)
	}
	for i, v := range got {
		if want := fmt.Sprintf("%d:value %d", i, i); v != want {
			t.Fatalf("%q where %q belongs", v, want)
		}
	}
}

// killOne starts a process, kills it after n acknowledgements and gives the last one that it told.
func killOne(t *testing.T, dir string, n int) (last int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), killDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		last, err = strconv.ParseInt(lines.Text(), 10, 64)
		must(t, err)
		if i == n {
			must(t, cmd.Process.Kill())
		}
	}
	_ = cmd.Wait() // it was killed
	return last
}
