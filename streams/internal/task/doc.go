// Package task is the pure core of a stream task: it queues raw records, chooses the one with the smallest timestamp,
// pushes it through the typed nodes, punctuates, and flushes its stores for a commit.
//
// A [Task] has no goroutine, no clock and no network: time comes in as an argument and output goes to a [Collector]. The
// wire runtime and streamstest drive the same code.
//
// # Life
//
//	t, err := task.New(cfg)           // opens engines and stores
//	for each t.Changelogs(): t.Restore(...)
//	t.Start(state, now)               // builds the nodes
//	t.Add(topic, records); t.Step(now); t.PunctuateWall(now)
//	c, err := t.Flush(now)            // held back results and changelog records go to the Collector
//	... output acknowledged, c.Offsets committed ...
//	t.Committed(changelogOffsets)     // the engines take what was committed
//	t.Close()
//
// If the commit does not happen, the task must be thrown away and made again: what it has in memory is ahead of the log.
package task
