package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func newCluster(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "cluster",
		Short: "Describe the cluster: brokers, disks, features, quorum; move and elect",
		Long:  "Describe the cluster: its brokers, their disks, its features and its quorum; elect leaders, reassign partitions.",
		Example: `  chortal cluster describe
  chortal cluster log-dirs`,
	}
	c.AddCommand(newClusterDescribe(s), newClusterLogDirs(s), newClusterFeatures(s), newClusterQuorum(s), newClusterAPIs(s), newClusterElect(s), newClusterReassign(s))
	return c
}

func newClusterDescribe(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "describe",
		Aliases: []string{"info", "brokers"},
		Short:   "Show the cluster's id, controller and brokers",
		Long:    "Show the cluster's id, its controller and its brokers.",
		Example: `  chortal cluster describe
  chortal cluster describe -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				m, err := adm.BrokerMetadata(ctx)
				if err != nil {
					return fmt.Errorf("describe cluster: %w", err)
				}
				if s.output == "table" {
					fmt.Fprintf(s.out, "Cluster: %s  Controller: %d  Brokers: %d\n", m.Cluster, m.Controller, len(m.Brokers))
				}
				var rows [][]any
				for _, b := range m.Brokers {
					rack := any(nil)
					if b.Rack != nil {
						rack = *b.Rack
					}
					rows = append(rows, []any{m.Cluster, b.NodeID, b.Host, b.Port, rack, b.NodeID == m.Controller})
				}
				return s.rows(s.out, []column{{"CLUSTER", "cluster"}, {"ID", "id"}, {"HOST", "host"}, {"PORT", "port"}, {"RACK", "rack"}, {"CONTROLLER", "controller"}}, rows)
			})
		},
	}
	s.outputFlag(c, formats()...)
	return c
}

func newClusterLogDirs(s *settings) *cobra.Command {
	var topics []string
	c := &cobra.Command{
		Use:     "log-dirs",
		Aliases: []string{"logdirs"},
		Short:   "Show the folders of brokers, and the size of partitions in them",
		Long:    "Show the folders of brokers with the space of their disks, and the size of the partitions of --topic, or of all with --partitions.",
		Example: `  chortal cluster log-dirs
  chortal cluster log-dirs --topic ventas -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				var set kadm.TopicsSet
				if len(topics) > 0 {
					var err error
					if set, err = operate.ParseTopics(ctx, adm, topics); err != nil {
						return err
					}
				}
				all, err := adm.DescribeAllLogDirs(ctx, set)
				if err != nil {
					return fmt.Errorf("describe log dirs: %w", err)
				}
				partitions, _ := c.Flags().GetBool("partitions")
				return s.showLogDirs(all, partitions || len(topics) > 0)
			})
		},
	}
	c.Flags().StringArrayVarP(&topics, "topic", "t", nil, "topic, or topic:partition,partition; repeatable")
	c.Flags().Bool("partitions", false, "one line per partition")
	s.outputFlag(c, formats()...)
	return c
}

func (s *settings) showLogDirs(all kadm.DescribedAllLogDirs, partitions bool) error {
	var (
		rows [][]any
		errs []error
	)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		for _, dir := range all[id].Sorted() {
			if dir.Err != nil {
				errs = append(errs, fmt.Errorf("broker %d, %s: %w", dir.Broker, dir.Dir, dir.Err))
				continue
			}
			sorted := dir.Topics.Sorted()
			if !partitions {
				rows = append(rows, []any{dir.Broker, dir.Dir, len(sorted), dir.Size(), sizeOrNil(dir.TotalBytes), sizeOrNil(dir.UsableBytes)})
				continue
			}
			for _, p := range sorted {
				rows = append(rows, []any{dir.Broker, dir.Dir, p.Topic, p.Partition, p.Size, p.OffsetLag, p.IsFuture})
			}
		}
	}
	columns := []column{{"BROKER", "broker"}, {"DIR", "dir"}, {"PARTITIONS", "partitions"}, {"BYTES", "bytes"}, {"DISK-BYTES", "disk_bytes"}, {"FREE-BYTES", "free_bytes"}}
	if partitions {
		columns = []column{{"BROKER", "broker"}, {"DIR", "dir"}, {"TOPIC", "topic"}, {"PARTITION", "partition"}, {"BYTES", "bytes"}, {"OFFSET-LAG", "offset_lag"}, {"FUTURE", "future"}}
	}
	return errors.Join(append(errs, s.rows(s.out, columns, rows))...)
}

func sizeOrNil(n int64) any {
	if n < 0 {
		return nil
	}
	return n
}

func newClusterFeatures(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "features",
		Short: "Show the features that the cluster supports and has finalized",
		Long:  "Show the features that the cluster supports, with the versions that are finalized.",
		Example: `  chortal cluster features
  chortal cluster features -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, _ *kadm.Client) error {
				features, epoch, err := operate.Features(ctx, cl)
				if err != nil {
					return err
				}
				var rows [][]any
				for _, f := range features {
					rows = append(rows, []any{f.Name, f.Min, f.Max, f.Finalized, epoch})
				}
				return s.rows(s.out, []column{{"FEATURE", "feature"}, {"MIN", "supported_min"}, {"MAX", "supported_max"}, {"FINALIZED", "finalized"}, {"EPOCH", "epoch"}}, rows)
			})
		},
	}
	s.outputFlag(c, formats()...)
	return c
}

func newClusterQuorum(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "quorum",
		Short: "Show the quorum of the metadata",
		Long:  "Show the voters and observers of the metadata's quorum, and how far each is.",
		Example: `  chortal cluster quorum
  chortal cluster quorum -o json`,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, cl *kgo.Client, _ *kadm.Client) error {
				q, err := operate.DescribeQuorum(ctx, cl)
				if err != nil {
					return err
				}
				if s.output == "table" {
					fmt.Fprintf(s.out, "Leader: %d  Epoch: %d  HighWatermark: %d\n", q.Leader, q.Epoch, q.HighWatermark)
				}
				var rows [][]any
				for _, r := range q.Replicas {
					rows = append(rows, []any{r.ID, r.Role, r.LogEndOffset, q.LeaderEnd - r.LogEndOffset})
				}
				return s.rows(s.out, []column{{"NODE", "node"}, {"ROLE", "role"}, {"LOG-END-OFFSET", "log_end_offset"}, {"LAG", "lag"}}, rows)
			})
		},
	}
	s.outputFlag(c, formats()...)
	return c
}

func newClusterAPIs(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:     "api-versions",
		Aliases: []string{"apis"},
		Short:   "Show the requests that brokers serve",
		Long:    "Show the requests that brokers serve, and in which versions.",
		Example: `  chortal cluster api-versions
  chortal cluster api-versions -o csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				versions, err := adm.ApiVersions(ctx)
				if err != nil {
					return fmt.Errorf("api versions: %w", err)
				}
				var rows [][]any
				for _, b := range versions.Sorted() {
					if b.Err != nil {
						return fmt.Errorf("api versions of broker %d: %w", b.NodeID, b.Err)
					}
					b.EachKeySorted(func(key, low, high int16) {
						rows = append(rows, []any{b.NodeID, key, operate.APIName(key), low, high})
					})
				}
				return s.rows(s.out, []column{{"BROKER", "broker"}, {"KEY", "key"}, {"API", "api"}, {"MIN", "min"}, {"MAX", "max"}}, rows)
			})
		},
	}
	s.outputFlag(c, formats()...)
	return c
}

func newClusterElect(s *settings) *cobra.Command {
	var unclean, all bool
	c := &cobra.Command{
		Use:   "elect-leaders [TOPIC[:PARTITION,...]...]",
		Short: "Have partitions led by their preferred replicas",
		Long: `Have partitions led by their preferred replicas: those that are named, or all with --all.
--unclean elects a replica that is not in sync where no other lives, and may lose records.`,
		Example: `  chortal cluster elect-leaders --all
  chortal cluster elect-leaders ventas:0`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: s.completeTopics,
		RunE: func(c *cobra.Command, names []string) error {
			if all == (len(names) > 0) {
				return usage(c, errors.New("want topics, or --all"))
			}
			how := kadm.ElectPreferredReplica
			if unclean {
				how = kadm.ElectLiveReplica
			}
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				var set kadm.TopicsSet
				if !all {
					var err error
					if set, err = operate.ParseTopics(ctx, adm, names); err != nil {
						return err
					}
				}
				done, err := adm.ElectLeaders(ctx, how, set)
				if err != nil {
					return fmt.Errorf("elect leaders: %w", err)
				}
				set = kadm.TopicsSet{}
				for t, ps := range done {
					for p := range ps {
						set.Add(t, p)
					}
				}
				return s.reportPartitions("elect a leader of", set, func(tp operate.TopicPartition) (string, error) {
					r := done[tp.Topic][tp.Partition]
					if errors.Is(r.Err, kerr.ElectionNotNeeded) {
						return "has it already", nil
					}
					return "elected", r.Err
				})
			})
		},
	}
	c.Flags().BoolVar(&unclean, "unclean", false, "elect a replica that is not in sync where no other lives")
	c.Flags().BoolVar(&all, "all", false, "all partitions of the cluster")
	s.outputFlag(c, formats()...)
	return c
}

func newClusterReassign(s *settings) *cobra.Command {
	var list, cancel bool
	c := &cobra.Command{
		Use:   "reassign [TOPIC:PARTITION=BROKER,BROKER...]",
		Short: "Move partitions to other brokers, list or cancel moves",
		Long: `Move partitions to other brokers: the first broker is the preferred leader. --list shows
the moves under way, --cancel ends those of the partitions that are named.`,
		Example: `  chortal cluster reassign ventas:0=1,2 ventas:1=2,1
  chortal cluster reassign --list
  chortal cluster reassign --cancel ventas:0`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if list {
				return s.listReassignments(c.Context())
			}
			if len(args) == 0 {
				return usage(c, errors.New("want TOPIC:PARTITION=BROKER,BROKER or --list"))
			}
			req := kadm.AlterPartitionAssignmentsReq{}
			set := kadm.TopicsSet{}
			for _, arg := range args {
				tp, replicas, err := parseAssignment(arg, cancel)
				if err != nil {
					return usage(c, err)
				}
				set.Add(tp.Topic, tp.Partition)
				if cancel {
					req.CancelAssign(tp.Topic, tp.Partition)
				} else {
					req.Assign(tp.Topic, tp.Partition, replicas)
				}
			}
			return s.kafka(c.Context(), func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
				done, err := adm.AlterPartitionAssignments(ctx, req)
				if err != nil {
					return fmt.Errorf("reassign: %w", err)
				}
				return s.reportPartitions("reassign", set, func(tp operate.TopicPartition) (string, error) {
					r := done[tp.Topic][tp.Partition]
					if r.Err != nil && r.ErrMessage != "" {
						return "", &operate.BrokerError{Message: r.ErrMessage, Cause: r.Err}
					}
					return map[bool]string{true: "cancelled", false: "started"}[cancel], r.Err
				})
			})
		},
	}
	c.Flags().BoolVar(&list, "list", false, "show the moves under way")
	c.Flags().BoolVar(&cancel, "cancel", false, "end the moves of the partitions that are named")
	s.outputFlag(c, formats()...)
	return c
}

// parseAssignment reads topic:partition=broker,broker; to cancel it needs no brokers.
func parseAssignment(arg string, cancel bool) (tp operate.TopicPartition, replicas []int32, err error) {
	where, brokers, ok := strings.Cut(arg, "=")
	topic, number, hasPartition := strings.Cut(where, ":")
	p, perr := strconv.ParseInt(number, 10, 32)
	if !hasPartition || perr != nil || p < 0 || ok == cancel {
		return tp, nil, fmt.Errorf("%s: want TOPIC:PARTITION=BROKER,BROKER, or TOPIC:PARTITION with --cancel", arg)
	}
	tp = operate.TopicPartition{Topic: topic, Partition: int32(p)}
	if cancel {
		return tp, nil, nil
	}
	for b := range strings.SplitSeq(brokers, ",") {
		id, err := strconv.ParseInt(b, 10, 32)
		if err != nil || slices.Contains(replicas, int32(id)) {
			return tp, nil, fmt.Errorf("%s: %q is no broker id, or stands there twice", arg, b)
		}
		replicas = append(replicas, int32(id))
	}
	return tp, replicas, nil
}

func (s *settings) listReassignments(ctx context.Context) error {
	return s.kafka(ctx, func(ctx context.Context, _ *kgo.Client, adm *kadm.Client) error {
		all, err := adm.ListPartitionReassignments(ctx, nil)
		if err != nil {
			return fmt.Errorf("list reassignments: %w", err)
		}
		var rows [][]any
		for _, p := range all.Sorted() {
			rows = append(rows, []any{p.Topic, p.Partition, p.Replicas, p.AddingReplicas, p.RemovingReplicas})
		}
		return s.rows(s.out, []column{{"TOPIC", "topic"}, {"PARTITION", "partition"}, {"REPLICAS", "replicas"}, {"ADDING", "adding_replicas"}, {"REMOVING", "removing_replicas"}}, rows)
	})
}
