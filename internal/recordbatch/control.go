package recordbatch

import (
	"encoding/binary"
	"fmt"
)

// ControlType is the kind of a control record.
type ControlType int16

// The kinds that end a transaction. Others exist (leader change, snapshots) and are passed over by readers.
const (
	Abort  ControlType = 0
	Commit ControlType = 1
	// Removed is what is left of a control batch whose record compaction has removed; nothing follows from it.
	Removed ControlType = -1
)

// EndTxnMarker makes the control batch that commits or aborts a producer's transaction. Key: version int16, type
// int16. Value: version int16, coordinator epoch int32; clients need the value, it is not optional.
func EndTxnMarker(t ControlType, producerID int64, producerEpoch int16, coordinatorEpoch int32, timestamp int64) Batch {
	key := binary.BigEndian.AppendUint16(nil, 0)
	key = binary.BigEndian.AppendUint16(key, uint16(t))
	value := binary.BigEndian.AppendUint16(nil, 0)
	value = binary.BigEndian.AppendUint32(value, uint32(coordinatorEpoch))
	b := NewBuilder(Options{
		HasProducer: true, ProducerID: producerID, ProducerEpoch: producerEpoch, BaseSequence: NoSequence,
		Transactional: true, LeaderEpoch: -1, control: true,
	})
	b.Append(timestamp, key, value)
	batch, err := b.Build()
	if err != nil {
		panic(err) // only compression can fail, and there is none
	}
	return batch
}

// ControlRecord is what a control batch says.
type ControlRecord struct {
	Type ControlType
	// CoordinatorEpoch is the transaction coordinator's; -1 if the type has none.
	CoordinatorEpoch int32
}

// Control reads the one record of a control batch; the type is [Removed] if there is none.
func (b Batch) Control() (ControlRecord, error) {
	if !b.IsControl() {
		return ControlRecord{}, fmt.Errorf("no control batch: %w", ErrInvalid)
	}
	for rec, err := range b.Records(0) {
		if err != nil {
			return ControlRecord{}, err
		}
		return parseControl(rec)
	}
	return ControlRecord{Type: Removed, CoordinatorEpoch: -1}, nil
}

func parseControl(rec Record) (ControlRecord, error) {
	if len(rec.Key) < 4 {
		return ControlRecord{}, fmt.Errorf("control key of %d bytes: %w", len(rec.Key), ErrInvalid)
	}
	c := ControlRecord{Type: ControlType(binary.BigEndian.Uint16(rec.Key[2:])), CoordinatorEpoch: -1}
	if c.Type == Abort || c.Type == Commit {
		if len(rec.Value) < 6 {
			return ControlRecord{}, fmt.Errorf("transaction marker with a value of %d bytes: %w", len(rec.Value), ErrInvalid)
		}
		c.CoordinatorEpoch = int32(binary.BigEndian.Uint32(rec.Value[2:]))
	}
	return c, nil
}

func validateControl(b Batch) error {
	if b.NumRecords() != 1 {
		return fmt.Errorf("control batch of %d records: %w", b.NumRecords(), ErrInvalid)
	}
	_, err := b.Control()
	return err
}
