// Package testcluster starts brokers for tests: in the test's own process, in memory or in a temporary folder, or as a
// process of its own that a test may kill.
//
//	c := testcluster.Start(t, testcluster.Config{})
//	client := c.Client(kgo.DefaultProduceTopic("ventas"))
package testcluster
