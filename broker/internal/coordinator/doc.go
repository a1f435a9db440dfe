// Package coordinator runs pure state machines whose log is a partition.
//
// A [Machine] holds the state of one partition of an internal topic: the groups that
// hash to it, or the transactional ids. Its methods are steps: they read state, answer
// requests and write records through an [Out]; writing a record replays it at once, so
// that the state of a running machine and of one that was read back from the log are
// built by the same function.
//
// [Runtime] gives each machine what a pure value lacks. It opens the partition, replays
// it, runs one step at a time, appends what the step wrote, and releases the step's
// answers when everything written up to then is committed: nothing is ever answered
// that a crash could take back, reads included. While an append is under way the
// following steps run on and share the next one, which is the group commit.
//
// Invariants:
//
//   - one step of one machine at a time, in the order of arrival;
//   - the records of one step are in one batch: they survive together or not at all;
//   - answers leave in the order of the steps, each after its step's records are
//     committed, or with the error that says they never will be;
//   - after a failed append the machine is thrown away and read back from the log, for
//     it holds state that is not durable.
//
// DESIGN.md says why it is so and how replay stays bounded.
package coordinator
