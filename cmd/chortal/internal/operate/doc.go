// Package operate holds what operators do to a cluster over the Kafka protocol,
// without a word about how it is typed or shown: groups of both protocols with
// their positions, plans of offset resets, hanging transactions, access rules,
// configurations.
//
// The verbs of chortal and the commands under the names of Kafka's scripts are
// two faces of it.
package operate
