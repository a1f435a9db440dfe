// Package quota measures what clients use of the broker, and says how long
// those are to wait that use more than their quota.
//
// # What is limited
//
// A user, a client id, or a client id of a user may have a limit of the bytes
// that it produces and fetches in a second, of the time that requests keep a
// thread busy (in percent of one thread), and of the partitions that it
// creates and deletes in a second. An address may have one of the connections
// that it opens in a second, and so may each listener and the whole broker.
//
// Which quota a client has is decided as in Kafka: the first of user and
// client id, user and default client id, user, default user and client id,
// default user and default client id, default user, client id, default client
// id. Clients for which the same parts are decisive share one measure: a quota
// of a user is one for all of the user's clients together.
//
// # How it is measured
//
// Rates are Kafka's: the sum of the samples of the last quota.window.num
// windows over the time that they span. A client over its limit is told to
// wait until the rate would be back at the limit if it used nothing more. What
// creates and deletes partitions is taken out of a token bucket instead, which
// may go below zero once, and then gives nothing until it is filled again.
// All times are in milliseconds, as in Kafka, so that the two decide alike; a
// test holds the arithmetic against values recorded from Kafka's classes.
//
// # Invariants
//
//   - Without a quota, [Manager.Enabled] is false and costs one atomic load;
//     nothing else is called then.
//   - Memory is bounded: of each kind there are so many measures. When there is
//     no room, those go first that no longer say anything, because the client
//     was idle for all windows; then any.
//   - Nobody sleeps in this package. Who asks is told for how long to wait.
package quota
