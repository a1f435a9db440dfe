package commitlog

import "encoding/binary"

// AbortedTxn is an aborted transaction, as the .txnindex holds it and Fetch reports it.
type AbortedTxn struct {
	ProducerID       int64
	FirstOffset      int64
	LastOffset       int64 // the marker's
	LastStableOffset int64 // just after the abort
}

// txnEntryLen is the length of an entry of a .txnindex file: version int16 (0), then the fields of AbortedTxn.
const txnEntryLen = 34

func appendTxnEntry(dst []byte, t AbortedTxn) []byte {
	dst = binary.BigEndian.AppendUint16(dst, 0)
	for _, v := range []int64{t.ProducerID, t.FirstOffset, t.LastOffset, t.LastStableOffset} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(v))
	}
	return dst
}

// parseTxnIndex reads as many entries as are whole and of a known version.
func parseTxnIndex(p []byte) (txns []AbortedTxn) {
	for ; len(p) >= txnEntryLen && binary.BigEndian.Uint16(p) == 0; p = p[txnEntryLen:] {
		field := func(i int) int64 { return int64(binary.BigEndian.Uint64(p[2+8*i:])) }
		t := AbortedTxn{ProducerID: field(0), FirstOffset: field(1), LastOffset: field(2), LastStableOffset: field(3)}
		if t.FirstOffset > t.LastOffset {
			break
		}
		txns = append(txns, t)
	}
	return txns
}
