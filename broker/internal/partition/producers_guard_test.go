package partition_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/internal/recordbatch"
	"github.com/twmb/franz-go/pkg/kerr"
)

// TestGuards plays what a delayed batch may meet. Epochs and sequences are those of one producer.
func TestGuards(t *testing.T) {
	b := open(t, memConfig(fs.NewMem()))
	p := b.create(t, "ventas")
	guard := func(epoch int16, sequence int32, wantOpen bool) partition.TxnGuard {
		t.Helper()
		g, open, err := p.GuardTxn(7, epoch, sequence)
		must(t, err)
		if open != wantOpen {
			t.Errorf("epoch %d sequence %d: open %v", epoch, sequence, open)
		}
		return g
	}
	send := func(g partition.TxnGuard, epoch int16, sequence int32, want error) {
		t.Helper()
		x := batch(t, recordbatch.Options{HasProducer: true, ProducerID: 7, ProducerEpoch: epoch, BaseSequence: sequence, Transactional: true}, "v")
		if _, err := p.AppendWait(t.Context(), x, partition.AppendOptions{Acks: -1, Guard: g}); !errors.Is(err, want) {
			t.Errorf("epoch %d sequence %d: %v, want %v", epoch, sequence, err, want)
		}
	}
	end := func(epoch int16) {
		t.Helper()
		x := recordbatch.EndTxnMarker(recordbatch.Commit, 7, epoch, 3, time.Now().UnixMilli())
		_, err := p.AppendWait(t.Context(), x, partition.AppendOptions{Acks: -1, Origin: partition.Internal})
		must(t, err)
	}
	none := partition.TxnGuard{}
	send(none, 0, 0, kerr.InvalidTxnState) // nobody knows of it

	first := guard(0, 0, false)
	second := guard(0, 1, false)
	send(second, 0, 1, kerr.OutOfOrderSequenceNumber) // its predecessor is on its way
	send(first, 0, 0, nil)
	guard(0, 1, true)
	send(none, 0, 1, nil) // open: nobody need be asked
	send(none, 0, 1, nil) // a repeat
	end(0)

	late := guard(0, 2, false)
	held := func(g partition.TxnGuard, sequence int32, want bool) {
		t.Helper()
		if got := p.GuardHeld(7, 0, sequence, g); got != want {
			t.Errorf("sequence %d: held %v", sequence, got)
		}
	}
	held(late, 2, true)
	held(late, 3, false) // another one is on its way
	end(0)               // the coordinator ends it while it is looked up
	held(late, 2, false)
	send(late, 0, 2, kerr.InvalidTxnState)
	send(guard(0, 2, false), 0, 2, nil)
	held(late, 3, true) // it has begun
	end(1)              // with KIP-890 the marker raises the epoch
	send(guard(0, 3, false), 0, 3, kerr.InvalidProducerEpoch)
	send(guard(1, 0, false), 1, 0, nil)

	f := func(epoch int16, coordinator int32, want error) {
		t.Helper()
		if err := p.CheckMarker(7, epoch, coordinator); !errors.Is(err, want) {
			t.Errorf("marker of epoch %d, coordinator %d: %v, want %v", epoch, coordinator, err, want)
		}
	}
	f(1, 3, nil)
	f(0, 3, kerr.InvalidProducerEpoch)
	f(1, 2, kerr.TransactionCoordinatorFenced)
}

// TestGuardsWrap shows that sequences which begin at 0 again are in order.
func TestGuardsWrap(t *testing.T) {
	b := open(t, memConfig(fs.NewMem()))
	p := b.create(t, "ventas")
	g, _, err := p.GuardTxn(7, 0, math.MaxInt32)
	must(t, err)
	_, _, err = p.GuardTxn(7, 0, 0)
	must(t, err)
	for i, sequence := range []int32{0, math.MaxInt32, 0} {
		x := batch(t, recordbatch.Options{HasProducer: true, ProducerID: 7, BaseSequence: sequence, Transactional: true}, "v")
		_, err := p.AppendWait(t.Context(), x, partition.AppendOptions{Acks: -1, Guard: g})
		if i == 0 && !errors.Is(err, kerr.OutOfOrderSequenceNumber) || i > 0 && err != nil {
			t.Errorf("sequence %d: %v", sequence, err)
		}
	}
}
