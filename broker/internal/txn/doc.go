// Package txn is the transaction coordinator: which transactional id has which producer id
// and epoch, what its transaction has written to, and how that ends.
//
// [Machine] holds the transactional ids of one partition of __transaction_state. It is pure:
// requests come in with the time of their arrival, answers go out through the
// [coordinator.Out] of the step, time passes by [Machine.Expire]. Markers are written by its
// shell: the machine asks for them through [Config.Send], and is told by [Machine.Complete]
// when every partition has its own.
//
// A transactional id goes round this circle:
//
//	         partition added               EndTxn, timeout,           all markers
//	                                       new producer               are written
//	Empty ──────────────────► Ongoing ──────────────────► PrepareX ───────────────► CompleteX
//	  ▲                          ▲                                                   │     │
//	  │                          └─────────────── partition added ───────────────────┘     │
//	  └──────────────────────────────── InitProducerId ────────────────────────────────────┘
//
// Each arrow is one record of Kafka's TransactionLogValue (version 1), so that Kafka's tools
// read the log; the answer leaves when the record is committed. Once PrepareCommit or
// PrepareAbort is in the log, the transaction ends that way whatever happens: after a
// restart the markers are asked for again.
//
// With the protocol of KIP-890 (transaction.version 2) the end of a transaction raises the
// producer's epoch, markers carry the new one, and so nothing of a transaction that has
// ended can get into the next. A producer of the older protocol keeps its epoch.
//
// Invariants:
//
//   - a partition is in the log as part of the transaction before anything is written to it;
//   - the answer to EndTxn leaves after the decision is durable, and only one decision is made;
//   - a transaction completes only when each of its partitions has a marker, and none begins
//     before that;
//   - the epoch of a producer id only grows; at its end another producer id takes over.
package txn
