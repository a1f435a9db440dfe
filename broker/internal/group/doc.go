// Package group is the group coordinator: consumer groups, and the offsets they commit.
//
// [Machine] holds the groups of one partition of __consumer_offsets. It is pure: requests
// come in as kmsg values with the time of their arrival, answers go out through the
// [coordinator.Out] of the step, time passes by [Machine.Expire]. Answers that have to
// wait for other members (JoinGroup, SyncGroup) are parked in the member.
//
// A group of the classic protocol goes round this circle:
//
//	          join                 all joined, or           leader's
//	         (a member)            rebalance timeout        SyncGroup
//	Empty ──────────► Preparing ──────────► Completing ──────────► Stable
//	  ▲               Rebalance             Rebalance                │
//	  │                 │  ▲ ▲                 │                      │
//	  └── no members ───┘  │ └── join, leave ──┘                      │
//	                       └──────── join, leave, session expiry ─────┘
//
// Only what a restart must not lose is in the log, in Kafka's own records, so that
// Kafka's tools read it: GroupMetadata when a generation becomes stable or empty, and
// OffsetCommit for each committed offset. The rest of a rebalance is in memory: after a
// restart a group stands at its last stable generation, and members that knew a later one
// are told REBALANCE_IN_PROGRESS or UNKNOWN_MEMBER_ID and join again. Who has left is noted
// in the log, and sessions go on where they stood: see silence.go.
//
// A group of the consumer protocol (KIP-848) has only heartbeats: the coordinator computes
// a target assignment for each epoch of the group, and leads each member there by the
// answers to its heartbeats; see consumer.go. All of it is in the log, in the records of
// Kafka's group coordinator. Groups change to the other protocol with their members in
// place; those of the classic protocol are led through JoinGroup and SyncGroup, see
// migrate.go and consumer_classic.go.
//
// Invariants:
//
//   - a generation's assignment is written before any member hears of it;
//   - a member hears of one assignment per generation at most;
//   - offsets are taken only from a member of the current generation, or from anyone
//     while the group is empty;
//   - offsets exist only where a group does: committing without membership makes a
//     "simple" group, which has no protocol type.
package group
