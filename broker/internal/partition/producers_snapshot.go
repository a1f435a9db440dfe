package partition

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// A .snapshot file is Kafka's: version int16 (1), CRC-32C uint32 of all that follows, count int32, and per producer
// id int64, epoch int16, last sequence int32, last offset int64, offset delta int32, timestamp int64, coordinator epoch
// int32, first offset of the open transaction int64.
//
// Kafka keeps one batch per producer in it. Ours goes on behind that with a part that Kafka's reader passes over, so that
// all five are known again after a crash: magic "chb" and version byte 1, then for each producer in the same order
// count uint8 and the older batches: first sequence int32, last sequence int32, base offset int64, last offset int64,
// timestamp int64.
const (
	snapshotVersion  = 1
	snapshotHead     = 10
	snapshotEntry    = 46
	extensionMagic   = "chb\x01"
	extensionEntry   = 32
	maxSnapshotCount = 10 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errBadSnapshot = errors.New("bad producer snapshot")

// encode writes the snapshot of the state.
func (s *producers) encode() []byte {
	ids := slices.Sorted(maps.Keys(s.byID))
	be := binary.BigEndian
	out := make([]byte, snapshotHead, snapshotHead+len(ids)*(snapshotEntry+1+4*extensionEntry)+len(extensionMagic))
	be.PutUint16(out, snapshotVersion)
	be.PutUint32(out[6:], uint32(len(ids)))
	for _, id := range ids {
		p := s.byID[id]
		last := sentBatch{lastSequence: -1, lastOffset: -1, baseOffset: -1}
		if n := len(p.batches); n > 0 {
			last = p.batches[n-1]
		}
		out = be.AppendUint64(out, uint64(id))
		out = be.AppendUint16(out, uint16(p.epoch))
		out = be.AppendUint32(out, uint32(last.lastSequence))
		out = be.AppendUint64(out, uint64(last.lastOffset))
		out = be.AppendUint32(out, uint32(last.lastOffset-last.baseOffset))
		out = be.AppendUint64(out, uint64(p.timestamp))
		out = be.AppendUint32(out, uint32(p.coordinatorEpoch))
		out = be.AppendUint64(out, uint64(p.txnStart))
	}
	out = append(out, extensionMagic...)
	for _, id := range ids {
		older := s.byID[id].batches
		older = older[:max(0, len(older)-1)]
		out = append(out, byte(len(older)))
		for _, b := range older {
			out = be.AppendUint32(out, uint32(b.firstSequence))
			out = be.AppendUint32(out, uint32(b.lastSequence))
			out = be.AppendUint64(out, uint64(b.baseOffset))
			out = be.AppendUint64(out, uint64(b.lastOffset))
			out = be.AppendUint64(out, uint64(b.timestamp))
		}
	}
	be.PutUint32(out[2:], crc32.Checksum(out[6:], castagnoli))
	return out
}

// decodeProducers reads a snapshot, with or without the part that is ours.
func decodeProducers(data []byte) (producers, error) {
	be := binary.BigEndian
	if len(data) < snapshotHead || be.Uint16(data) != snapshotVersion {
		return producers{}, fmt.Errorf("%d bytes: %w", len(data), errBadSnapshot)
	}
	if crc32.Checksum(data[6:], castagnoli) != be.Uint32(data[2:]) {
		return producers{}, fmt.Errorf("wrong checksum: %w", errBadSnapshot)
	}
	count := int64(be.Uint32(data[6:]))
	rest := data[snapshotHead:]
	if count > maxSnapshotCount || count*snapshotEntry > int64(len(rest)) {
		return producers{}, fmt.Errorf("%d producers in %d bytes: %w", count, len(rest), errBadSnapshot)
	}
	s := producers{byID: make(map[int64]*producer, count)}
	order := make([]*producer, 0, count)
	for range count {
		id, p := decodeProducer(rest)
		rest = rest[snapshotEntry:]
		s.byID[id] = p
		order = append(order, p)
		if p.txnStart >= 0 {
			s.open++
		}
	}
	return s, decodeOlder(rest, order)
}

func decodeProducer(e []byte) (int64, *producer) {
	be := binary.BigEndian
	p := &producer{
		epoch:            int16(be.Uint16(e[8:])),
		timestamp:        int64(be.Uint64(e[26:])),
		coordinatorEpoch: int32(be.Uint32(e[34:])),
		txnStart:         int64(be.Uint64(e[38:])),
	}
	lastSequence, lastOffset, delta := int32(be.Uint32(e[10:])), int64(be.Uint64(e[14:])), int32(be.Uint32(e[22:]))
	if lastSequence >= 0 {
		p.batches = append(p.batches, sentBatch{
			firstSequence: subtractSequence(lastSequence, delta), lastSequence: lastSequence,
			baseOffset: lastOffset - int64(delta), lastOffset: lastOffset, timestamp: p.timestamp,
		})
	}
	return int64(be.Uint64(e)), p
}

// subtractSequence undoes recordbatch.AddSequence.
func subtractSequence(sequence, n int32) int32 {
	if sequence >= n {
		return sequence - n
	}
	return 1<<31 - 1 - (n - sequence - 1)
}

func decodeOlder(rest []byte, order []*producer) error {
	be := binary.BigEndian
	if len(rest) < len(extensionMagic) || string(rest[:len(extensionMagic)]) != extensionMagic {
		return nil // written by Kafka
	}
	rest = rest[len(extensionMagic):]
	for _, p := range order {
		if len(rest) == 0 || rest[0] >= rememberedBatches || len(rest)-1 < int(rest[0])*extensionEntry {
			return fmt.Errorf("older batches cut short: %w", errBadSnapshot)
		}
		n := int(rest[0])
		rest = rest[1:]
		older := make([]sentBatch, 0, rememberedBatches)
		for range n {
			older = append(older, sentBatch{
				firstSequence: int32(be.Uint32(rest)), lastSequence: int32(be.Uint32(rest[4:])),
				baseOffset: int64(be.Uint64(rest[8:])), lastOffset: int64(be.Uint64(rest[16:])), timestamp: int64(be.Uint64(rest[24:])),
			})
			rest = rest[extensionEntry:]
		}
		p.batches = append(older, p.batches...)
	}
	return nil
}
