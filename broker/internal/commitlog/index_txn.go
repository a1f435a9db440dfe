package commitlog

// AbortedTxn is an aborted transaction, as the .txnindex holds it and Fetch reports it.
type AbortedTxn struct {
	ProducerID       int64
	FirstOffset      int64
	LastOffset       int64
	LastStableOffset int64
}
