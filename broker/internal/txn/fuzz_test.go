package txn

import (
	"bytes"
	"testing"
	"time"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// FuzzReplay reads any record of the log: an error, or a state that can be written and read again.
func FuzzReplay(f *testing.F) {
	d := durable{producerID: 7, prevProducerID: -1, nextProducerID: -1, producerEpoch: 3, timeoutMs: 60000, state: Ongoing, started: 5, updated: 6, version: 2}
	d.partitions = []TopicPartition{{"ventas", 0}, {"ventas", 1}}
	f.Add(encodeKey("caja"), d.encode())
	f.Add(encodeKey("caja"), append(make([]byte, valueHeadBytes), 0xff, 0xff, 0xff, 0xff))
	// As many tagged fields as 32 bits can say.
	f.Add(encodeKey("caja"), append(append([]byte{0, 1}, make([]byte, valueHeadBytes-2)...), append(append([]byte{1}, make([]byte, 16)...), 0xff, 0xff, 0xff, 0xff, 0x0f)...))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		m := New(Config{})
		if err := m.Replay(coordinator.Record{Key: key, Value: value}); err != nil {
			return
		}
		for id, tx := range m.byID {
			again, err := decodeValue(tx.encode())
			if err != nil || !bytes.Equal(again.encode(), tx.encode()) {
				t.Fatalf("%q does not survive a round trip: %v", id, err)
			}
		}
		m.Loaded(time.UnixMilli(0), coordinator.NewOut(m))
	})
}

// A count that lies costs nothing.
func TestValuesOfManyTagsAreRefused(t *testing.T) {
	head := append([]byte{0, 1}, make([]byte, valueHeadBytes-2+1+16)...) // no topics
	if _, err := decodeValue(append(bytes.Clone(head), 0)); err != nil {
		t.Error(err)
	}
	if _, err := decodeValue(append(head, 0xff, 0xff, 0xff, 0x7f)); err == nil {
		t.Error("a value with 2^28 tagged fields is read")
	}
}
