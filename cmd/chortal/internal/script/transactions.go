package script

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func transactionsTool() Tool {
	return Tool{
		Name: "kafka-transactions", About: "This tool is used to analyze the transactional state of producers in the cluster. It can be used to detect and recover from hanging transactions.\nCommands: list, describe, describe-producers, abort, find-hanging, forceTerminateTransaction", run: runTransactions,
		flags: []flag{
			{"transactional-id", "id", "Transactional id to describe."},
			{"transactionalId", "id", "Transactional id to terminate."},
			{"topic", "topic", "Topic."},
			{"partition", "partition", "Partition."},
			{"broker-id", "id", "Broker."},
			{"start-offset", "offset", "Where the transaction to abort began."},
			{"producer-id", "id", "Producer id."},
			{"producer-epoch", "epoch", "Producer epoch."},
			{"coordinator-epoch", "epoch", "Coordinator epoch."},
			{"max-transaction-timeout", "minutes", "Largest transaction timeout, default 15."},
			{"duration-filter", "ms", "Only transactions that have run longer."},
			{"transactional-id-pattern", "pattern", "Only ids that match."},
		},
	}
}

func runTransactions(ctx context.Context, c *call) error {
	if len(c.rest) != 1 {
		return misuse("error: too few arguments")
	}
	commands := map[string]func(context.Context) error{
		"list": c.listTransactions, "describe": c.describeTransaction, "describe-producers": c.describeProducers, "abort": c.abortTransaction,
		"find-hanging": c.findHanging, "forceTerminateTransaction": c.terminateTransaction,
	}
	command, ok := commands[c.rest[0]]
	if !ok {
		return misuse("error: invalid choice: '%s' (choose from 'list', 'describe', 'describe-producers', 'abort', 'find-hanging', 'forceTerminateTransaction')", c.rest[0])
	}
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	return command(ctx)
}

// number reads a flag that must be there.
func (c *call) number(name string) (int64, error) {
	n, err := strconv.ParseInt(c.value(name), 10, 64)
	if err != nil {
		return 0, misuse("error: argument --%s is required and must be a number", name)
	}
	return n, nil
}

func (c *call) topicPartition() (operate.TopicPartition, error) {
	p, err := c.number("partition")
	if err == nil && c.value("topic") == "" {
		err = misuse("error: argument --topic is required")
	}
	return operate.TopicPartition{Topic: c.value("topic"), Partition: int32(p)}, err
}

func (c *call) listTransactions(ctx context.Context) error {
	f := operate.TransactionFilter{Pattern: c.value("transactional-id-pattern")}
	if ms, err := strconv.ParseInt(c.value("duration-filter"), 10, 64); err == nil {
		f.LongerThan = time.Duration(ms) * time.Millisecond
	}
	all, err := operate.ListTransactions(ctx, c.cl, f)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, t := range all {
		rows = append(rows, []string{t.ID, strconv.Itoa(int(t.Coordinator)), strconv.FormatInt(t.ProducerID, 10), t.State})
	}
	c.tabs([]string{"TransactionalId", "Coordinator", "ProducerId", "TransactionState"}, rows)
	return nil
}

func (c *call) describeTransaction(ctx context.Context) error {
	id := c.value("transactional-id")
	d, err := operate.DescribeTransaction(ctx, c.adm, id)
	if err != nil {
		why := javaMessage(err)
		if errors.Is(err, kerr.TransactionalIDNotFound) {
			why = fmt.Sprintf("DescribeTransactions request for transactionalId `%s` failed because the ID could not be found", id)
		}
		fmt.Fprintf(c.Err, "Failed to describe transaction state of transactional-id `%s`: %s. Enable debug logging for additional detail.\n", id, why)
		return exitError(1)
	}
	start, age := "None", "None"
	if d.StartTimestamp >= 0 {
		start, age = strconv.FormatInt(d.StartTimestamp, 10), strconv.FormatInt(time.Now().UnixMilli()-d.StartTimestamp, 10)
	}
	partitions := ""
	for i, tp := range operate.SortedPartitions(d.Topics) {
		if i > 0 {
			partitions += ","
		}
		partitions += tp.String()
	}
	c.tabs([]string{"CoordinatorId", "TransactionalId", "ProducerId", "ProducerEpoch", "TransactionState", "TransactionTimeoutMs", "CurrentTransactionStartTimeMs", "TransactionDurationMs", "TopicPartitions"},
		[][]string{{
			strconv.Itoa(int(d.Coordinator)), id, strconv.FormatInt(d.ProducerID, 10), strconv.Itoa(int(d.ProducerEpoch)), d.State, strconv.Itoa(int(d.TimeoutMillis)), start, age, partitions,
		}})
	return nil
}

func (c *call) describeProducers(ctx context.Context) error {
	tp, err := c.topicPartition()
	if err != nil {
		return err
	}
	producers, err := operate.DescribeProducers(ctx, c.adm, tp)
	if err != nil {
		fmt.Fprintf(c.Err, "Failed to describe producers for partition %v on leader: %s. Enable debug logging for additional detail.\n", tp, javaMessage(err))
		return exitError(1)
	}
	var rows [][]string
	for _, p := range producers {
		start := "None"
		if p.CurrentTxnStartOffset >= 0 {
			start = strconv.FormatInt(p.CurrentTxnStartOffset, 10)
		}
		rows = append(rows, []string{
			strconv.FormatInt(p.ProducerID, 10), strconv.Itoa(int(p.ProducerEpoch)), strconv.Itoa(int(p.CoordinatorEpoch)), strconv.Itoa(int(p.LastSequence)), strconv.FormatInt(p.LastTimestamp, 10), start,
		})
	}
	c.tabs([]string{"ProducerId", "ProducerEpoch", "LatestCoordinatorEpoch", "LastSequence", "LastTimestamp", "CurrentTransactionStartOffset"}, rows)
	return nil
}

func (c *call) abortTransaction(ctx context.Context) error {
	tp, err := c.topicPartition()
	if err != nil {
		return err
	}
	var a operate.Abort
	if c.has("start-offset") {
		start, err := c.number("start-offset")
		if err != nil {
			return err
		}
		if a, err = operate.AbortAt(ctx, c.adm, tp, start); err != nil {
			fmt.Fprintf(c.Err, "Could not find any open transactions starting at offset %d on partition %v\n", start, tp)
			return exitError(1)
		}
	} else {
		id, err1 := c.number("producer-id")
		epoch, err2 := c.number("producer-epoch")
		if err1 != nil || err2 != nil {
			return misuse("The transaction to abort must be identified either with --start-offset (for brokers on 3.0 or above) or with --producer-id, --producer-epoch, and --coordinator-epoch (for older brokers)")
		}
		coordinator, _ := strconv.ParseInt(c.value("coordinator-epoch"), 10, 32)
		a = operate.Abort{TopicPartition: tp, ProducerID: id, ProducerEpoch: int16(epoch), CoordinatorEpoch: max(int32(coordinator), 0)}
	}
	return a.Write(ctx, c.adm)
}

func (c *call) findHanging(ctx context.Context) error {
	minutes := int64(15)
	if c.has("max-transaction-timeout") {
		var err error
		if minutes, err = c.number("max-transaction-timeout"); err != nil {
			return err
		}
	}
	all, err := c.adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return err
	}
	set := kadm.TopicsSet{}
	for _, t := range all.Sorted() {
		if c.has("topic") && t.Topic != c.value("topic") {
			continue
		}
		for _, p := range t.Partitions.Sorted() {
			if c.has("broker-id") && strconv.Itoa(int(p.Leader)) != c.value("broker-id") || c.has("partition") && strconv.Itoa(int(p.Partition)) != c.value("partition") {
				continue
			}
			set.Add(t.Topic, p.Partition)
		}
	}
	if !c.has("topic") && !c.has("broker-id") {
		return misuse("The `find-hanging` command requires either --topic or --broker-id to limit the scope of the search")
	}
	now := time.Now()
	hanging, err := operate.FindHanging(ctx, c.cl, c.adm, set, time.Duration(minutes)*time.Minute, now)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, p := range hanging {
		rows = append(rows, []string{
			p.Topic, strconv.Itoa(int(p.Partition)), strconv.FormatInt(p.ProducerID, 10), strconv.Itoa(int(p.ProducerEpoch)), strconv.Itoa(int(p.CoordinatorEpoch)),
			strconv.FormatInt(p.CurrentTxnStartOffset, 10), strconv.FormatInt(p.LastTimestamp, 10), strconv.FormatInt((now.UnixMilli()-p.LastTimestamp)/60_000, 10),
		})
	}
	c.tabs([]string{"Topic", "Partition", "ProducerId", "ProducerEpoch", "CoordinatorEpoch", "StartOffset", "LastTimestamp", "Duration(min)"}, rows)
	return nil
}

func (c *call) terminateTransaction(ctx context.Context) error {
	id := c.value("transactionalId")
	if id == "" {
		return misuse("error: argument --transactionalId is required")
	}
	if err := operate.Terminate(ctx, c.cl, id, c.Timeout); err != nil {
		fmt.Fprintln(c.Err, javaText(err))
		return exitError(1)
	}
	return nil
}
