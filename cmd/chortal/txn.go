package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func newTxn(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "txn",
		Aliases: []string{"transaction", "transactions"},
		Short:   "List, describe, abort and terminate transactions",
		Long:    "List and describe transactions and producers; find transactions that hang, and end them.",
		Example: `  chortal txn list
  chortal txn find-hanging --topic ventas`,
	}
	c.AddCommand(newTxnList(s), newTxnDescribe(s), newTxnProducers(s), newTxnHanging(s), newTxnAbort(s), newTxnTerminate(s))
	return c
}

func newTxnList(s *settings) *cobra.Command {
	var f operate.TransactionFilter
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List transactional ids and their states",
		Long:    "List transactional ids with their producer and state.",
		Example: `  chortal txn list
  chortal txn list --state Ongoing --longer-than 15m -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, _ *kadm.Client) error {
				all, err := operate.ListTransactions(ctx, cl, f)
				if err != nil {
					return err
				}
				var rows [][]any
				for _, t := range all {
					rows = append(rows, []any{t.ID, t.Coordinator, t.ProducerID, t.State})
				}
				return s.rows(s.out, []column{{"TRANSACTIONAL-ID", "transactional_id"}, {"COORDINATOR", "coordinator"}, {"PRODUCER-ID", "producer_id"}, {"STATE", "state"}}, rows)
			})
		},
	}
	c.Flags().StringSliceVar(&f.States, "state", nil, "Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort, Dead, PrepareEpochFence")
	c.Flags().Int64SliceVar(&f.ProducerIDs, "producer-id", nil, "only of these producers")
	c.Flags().DurationVar(&f.LongerThan, "longer-than", 0, "only those that have run so long")
	c.Flags().StringVar(&f.Pattern, "pattern", "", "only ids that match this regular expression (RE2)")
	s.outputFlag(c, formats()...)
	return c
}

func newTxnDescribe(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "describe TRANSACTIONAL-ID...",
		Short: "Describe transactions: state, producer, partitions",
		Long:  "Describe transactions: state, producer, timeout, how long it has run, and the partitions that it wrote to.",
		Example: `  chortal txn describe copia-1
  chortal txn describe copia-1 -o json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, ids []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				var rows [][]any
				err := s.each(ids, func(id string) error {
					d, err := operate.DescribeTransaction(ctx, adm, id)
					if err != nil {
						return err
					}
					started, age := any(nil), any(nil)
					if d.StartTimestamp >= 0 {
						at := time.UnixMilli(d.StartTimestamp)
						started, age = at.UTC().Format(time.RFC3339Nano), time.Since(at).Milliseconds()
					}
					rows = append(rows, []any{d.TxnID, d.Coordinator, d.ProducerID, d.ProducerEpoch, d.State, d.TimeoutMillis, started, age, orNil(topicsText(d.Topics))})
					return nil
				})
				columns := []column{
					{"TRANSACTIONAL-ID", "transactional_id"},
					{"COORDINATOR", "coordinator"},
					{"PRODUCER-ID", "producer_id"},
					{"EPOCH", "producer_epoch"},
					{"STATE", "state"},
					{"TIMEOUT-MS", "timeout_ms"},
					{"STARTED", "started"},
					{"DURATION-MS", "duration_ms"},
					{"PARTITIONS", "partitions"},
				}
				if len(rows) == 0 {
					return err
				}
				return errors.Join(s.rows(s.out, columns, rows), err)
			})
		},
	}
	s.outputFlag(c, formats()...)
	return c
}

func producerColumns() []column {
	return []column{
		{"TOPIC", "topic"},
		{"PARTITION", "partition"},
		{"PRODUCER-ID", "producer_id"},
		{"EPOCH", "producer_epoch"},
		{"COORDINATOR-EPOCH", "coordinator_epoch"},
		{"LAST-SEQUENCE", "last_sequence"},
		{"LAST-TIMESTAMP", "last_timestamp"},
		{"TXN-START-OFFSET", "transaction_start_offset"},
	}
}

func producerRow(p kadm.DescribedProducer) []any {
	start := any(nil)
	if p.CurrentTxnStartOffset >= 0 {
		start = p.CurrentTxnStartOffset
	}
	return []any{p.Topic, p.Partition, p.ProducerID, p.ProducerEpoch, p.CoordinatorEpoch, p.LastSequence, time.UnixMilli(p.LastTimestamp).UTC().Format(time.RFC3339Nano), start}
}

func newTxnProducers(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "describe-producers TOPIC[:PARTITION,...]...",
		Short: "List the producers that partitions know",
		Long:  "List the idempotent and transactional producers that partitions know, with the transaction that each has open.",
		Example: `  chortal txn describe-producers ventas
  chortal txn describe-producers ventas:0 -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeTopics,
		RunE: func(c *cobra.Command, names []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				set, err := operate.ParseTopics(ctx, adm, names)
				if err != nil {
					return err
				}
				var rows [][]any
				for _, tp := range operate.SortedPartitions(set) {
					producers, err := operate.DescribeProducers(ctx, adm, tp)
					if err != nil {
						return err
					}
					for _, p := range producers {
						rows = append(rows, producerRow(p))
					}
				}
				return s.rows(s.out, producerColumns(), rows)
			})
		},
	}
	s.outputFlag(c, formats()...)
	return c
}

func newTxnHanging(s *settings) *cobra.Command {
	var (
		topics []string
		maxAge time.Duration
	)
	c := &cobra.Command{
		Use:   "find-hanging",
		Short: "Find transactions that nobody will end",
		Long: `Find transactions that are open in a partition and that their coordinator does not know:
they hold back every read_committed consumer until they are aborted. Looks at all
topics, or at those of --topic. Only transactions older than --max-transaction-timeout count.`,
		Example: `  chortal txn find-hanging
  chortal txn find-hanging --topic ventas --max-transaction-timeout 5m`,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, adm *kadm.Client) error {
				if len(topics) == 0 {
					all, err := adm.ListTopicsWithInternal(ctx)
					if err != nil {
						return fmt.Errorf("list topics: %w", err)
					}
					topics = all.Names()
				}
				set, err := operate.ParseTopics(ctx, adm, topics)
				if err != nil {
					return err
				}
				hanging, err := operate.FindHanging(ctx, cl, adm, set, maxAge, time.Now())
				if err != nil {
					return err
				}
				var rows [][]any
				for _, p := range hanging {
					rows = append(rows, producerRow(p))
				}
				return s.rows(s.out, producerColumns(), rows)
			})
		},
	}
	c.Flags().StringArrayVarP(&topics, "topic", "t", nil, "topic, or topic:partition,partition; repeatable")
	c.Flags().DurationVar(&maxAge, "max-transaction-timeout", 15*time.Minute, "transaction.max.timeout.ms of the brokers")
	s.outputFlag(c, formats()...)
	return c
}

func newTxnAbort(s *settings) *cobra.Command {
	var (
		start       int64
		producer    int64
		epoch       int16
		coordinator int32
		yes         bool
	)
	c := &cobra.Command{
		Use:   "abort TOPIC PARTITION",
		Short: "Abort a transaction that hangs in one partition",
		Long: `Abort a transaction that hangs in one partition, by the offset at which it began
(find-hanging shows it), or by its producer. Aborting a transaction that its coordinator
still knows breaks it: see terminate. Asks on a terminal; elsewhere --yes is needed.`,
		Example: `  chortal txn abort ventas 0 --start-offset 1047
  chortal txn abort ventas 0 --producer-id 5 --producer-epoch 2 --coordinator-epoch 0 --yes`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			partition, err := strconv.ParseInt(args[1], 10, 32)
			if err != nil || partition < 0 {
				return usage(c, fmt.Errorf("%s is no partition", args[1]))
			}
			byStart, byProducer := c.Flags().Changed("start-offset"), c.Flags().Changed("producer-id") && c.Flags().Changed("producer-epoch")
			if byStart == byProducer {
				return usage(c, errors.New("which transaction? want --start-offset, or --producer-id with --producer-epoch"))
			}
			tp := operate.TopicPartition{Topic: args[0], Partition: int32(partition)}
			if !yes {
				if err := s.confirm(c, fmt.Sprintf("Abort the transaction in %v?", tp)); err != nil {
					return err
				}
			}
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				a := operate.Abort{TopicPartition: tp, ProducerID: producer, ProducerEpoch: epoch, CoordinatorEpoch: max(coordinator, 0)}
				if byStart {
					if a, err = operate.AbortAt(ctx, adm, tp, start); err != nil {
						return err
					}
				}
				if err := a.Write(ctx, adm); err != nil {
					return err
				}
				fmt.Fprintf(s.out, "aborted the transaction of producer %d in %v\n", a.ProducerID, tp)
				return nil
			})
		},
	}
	c.Flags().Int64Var(&start, "start-offset", -1, "offset at which the transaction began")
	c.Flags().Int64Var(&producer, "producer-id", -1, "producer id")
	c.Flags().Int16Var(&epoch, "producer-epoch", -1, "producer epoch")
	c.Flags().Int32Var(&coordinator, "coordinator-epoch", 0, "epoch of the coordinator")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func newTxnTerminate(s *settings) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:     "terminate TRANSACTIONAL-ID...",
		Aliases: []string{"force-terminate", "fence"},
		Short:   "Abort what a transactional id has open, and fence its producer",
		Long: `Abort what a transactional id has open, and fence its producer: it can write no more.
Works for transactions that wait for a second phase as well. Asks on a terminal;
elsewhere --yes is needed.`,
		Example: `  chortal txn terminate copia-1
  chortal txn terminate copia-1 copia-2 --yes`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, ids []string) error {
			if !yes {
				if err := s.confirm(c, fmt.Sprintf("Terminate %v?", ids)); err != nil {
					return err
				}
			}
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, adm *kadm.Client) error {
				return s.each(ids, func(id string) error {
					if _, err := operate.DescribeTransaction(ctx, adm, id); err != nil {
						return err // InitProducerId would create it
					}
					if err := operate.Terminate(ctx, cl, id, s.timeout); err != nil {
						return err
					}
					fmt.Fprintf(s.out, "terminated %s\n", id)
					return nil
				})
			})
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}
