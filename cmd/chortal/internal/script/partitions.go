package script

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func electionTool() Tool {
	return Tool{
		Name: "kafka-leader-election", About: "This tool attempts to elect a new leader for a set of topic partitions.", run: runElection,
		flags: []flag{
			{"election-type", "PREFERRED|UNCLEAN", "REQUIRED: Type of election."},
			{"topic", "topic", "Topic."},
			{"partition", "partition", "Partition."},
			{"all-topic-partitions", "", "All partitions."},
			{"path-to-json-file", "file", `{"partitions":[{"topic":"foo","partition":1}]}`},
		},
	}
}

// assignmentFile is the form of the files of kafka-leader-election and kafka-reassign-partitions.
type assignmentFile struct {
	Version    int `json:"version"`
	Partitions []struct {
		Topic     string   `json:"topic"`
		Partition int32    `json:"partition"`
		Replicas  []int32  `json:"replicas"`
		LogDirs   []string `json:"log_dirs"`
	} `json:"partitions"`
	Topics []struct {
		Topic string `json:"topic"`
	} `json:"topics"`
}

func readAssignment(path string) (f assignmentFile, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func runElection(ctx context.Context, c *call) error {
	how, ok := map[string]kadm.ElectLeadersHow{"PREFERRED": kadm.ElectPreferredReplica, "UNCLEAN": kadm.ElectLiveReplica}[strings.ToUpper(c.value("election-type"))]
	if !ok {
		return misuse("Missing required option(s): election-type (preferred or unclean)")
	}
	if _, err := c.exactlyOne("One of: [topic] with [partition], [path-to-json-file], [all-topic-partitions]", "topic", "path-to-json-file", "all-topic-partitions"); err != nil {
		return err
	}
	var set kadm.TopicsSet
	switch {
	case c.has("topic"):
		tp, err := c.topicPartition()
		if err != nil {
			return err
		}
		set.Add(tp.Topic, tp.Partition)
	case c.has("path-to-json-file"):
		f, err := readAssignment(c.value("path-to-json-file"))
		if err != nil {
			return err
		}
		for _, p := range f.Partitions {
			set.Add(p.Topic, p.Partition)
		}
	}
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	done, err := c.adm.ElectLeaders(ctx, how, set)
	if err != nil {
		return err
	}
	var elected, already []string
	failed := 0
	for _, t := range slices.Sorted(maps.Keys(done)) {
		for _, p := range slices.Sorted(maps.Keys(done[t])) {
			name := fmt.Sprintf("%s-%d", t, p)
			switch r := done[t][p]; {
			case r.Err == nil:
				elected = append(elected, name)
			case errors.Is(r.Err, kerr.ElectionNotNeeded):
				already = append(already, name)
			default:
				failed++
				c.printf("Error completing leader election (%s) for partition: %s: %s\n", strings.ToUpper(c.value("election-type")), name, javaText(&operate.BrokerError{Message: r.ErrMessage, Cause: r.Err}))
			}
		}
	}
	if len(elected) > 0 {
		c.printf("Successfully completed leader election (%s) for partitions %s\n", strings.ToUpper(c.value("election-type")), strings.Join(elected, ", "))
	}
	if len(already) > 0 {
		c.printf("Valid replica already elected for partitions %s\n", strings.Join(already, ", "))
	}
	if failed > 0 {
		fmt.Fprintf(c.Err, "%d replica(s) could not be elected\n", failed)
		return exitError(1)
	}
	return nil
}

func reassignTool() Tool {
	return Tool{
		Name: "kafka-reassign-partitions", About: "This tool helps to move topic partitions between replicas.", run: runReassign,
		flags: []flag{
			{"generate", "", "Generate a candidate assignment."},
			{"execute", "", "Start the reassignment of the file."},
			{"verify", "", "Verify the reassignment of the file."},
			{"cancel", "", "Cancel the reassignments of the file."},
			{"list", "", "List all active reassignments."},
			{"reassignment-json-file", "file", "The reassignment."},
			{"topics-to-move-json-file", "file", "The topics to generate for."},
			{"broker-list", "brokers", "The brokers to move to."},
			{"disable-rack-aware", "", "Disable rack aware assignment."},
			{"preserve-throttles", "", "Accepted for compatibility."},
			{"additional", "", "Accepted for compatibility."},
			{"timeout", "ms", "Accepted for compatibility."},
		},
	}
}

func runReassign(ctx context.Context, c *call) error {
	action, err := c.exactlyOne("--generate, --execute, --verify, --cancel or --list", "generate", "execute", "verify", "cancel", "list")
	if err != nil {
		return err
	}
	var file assignmentFile
	switch action {
	case "execute", "verify", "cancel":
		if file, err = readAssignment(c.value("reassignment-json-file")); err != nil {
			return err
		}
		if len(file.Partitions) == 0 {
			return errors.New("Partition reassignment list cannot be empty") //nolint:staticcheck // Kafka's words
		}
	case "generate":
		if file, err = readAssignment(c.value("topics-to-move-json-file")); err != nil {
			return err
		}
	}
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	switch action {
	case "list":
		return c.listMoves(ctx)
	case "verify":
		return c.verifyMoves(ctx, file)
	case "generate":
		return c.generateMoves(ctx, file)
	}
	return c.alterMoves(ctx, file, action == "cancel")
}

func (c *call) listMoves(ctx context.Context) error {
	all, err := c.adm.ListPartitionReassignments(ctx, nil)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		c.printf("No partition reassignments found.\n")
		return nil
	}
	c.printf("Current partition reassignments:\n")
	for _, p := range all.Sorted() {
		c.printf("%s-%d: replicas: %s.", p.Topic, p.Partition, numbers(p.Replicas, ","))
		if len(p.AddingReplicas) > 0 {
			c.printf(" adding: %s.", numbers(p.AddingReplicas, ","))
		}
		if len(p.RemovingReplicas) > 0 {
			c.printf(" removing: %s.", numbers(p.RemovingReplicas, ","))
		}
		c.printf("\n")
	}
	return nil
}

func (c *call) verifyMoves(ctx context.Context, file assignmentFile) error {
	moves, err := c.adm.ListPartitionReassignments(ctx, nil)
	if err != nil {
		return err
	}
	topics, err := c.adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return err
	}
	c.printf("Status of partition reassignment:\n")
	for _, p := range file.Partitions {
		name := fmt.Sprintf("%s-%d", p.Topic, p.Partition)
		_, moving := moves[p.Topic][p.Partition]
		now, ok := topics[p.Topic].Partitions[p.Partition]
		switch {
		case moving:
			c.printf("Reassignment of partition %s is still in progress.\n", name)
		case !ok:
			c.printf("There is no active reassignment of partition %s, but the partition doesn't exist.\n", name)
		case slices.Equal(now.Replicas, p.Replicas):
			c.printf("Reassignment of partition %s is completed.\n", name)
		default:
			c.printf("There is no active reassignment of partition %s, but replica set is %s rather than %s.\n", name, numbers(now.Replicas, ","), numbers(p.Replicas, ","))
		}
	}
	return nil
}

// assignmentJSON writes the assignment of partitions in the form that --reassignment-json-file takes.
func assignmentJSON(parts []kadm.PartitionDetail) string {
	var list []string
	for _, p := range parts {
		dirs := strings.TrimSuffix(strings.Repeat(`"any",`, len(p.Replicas)), ",")
		list = append(list, fmt.Sprintf(`{"topic":%s,"partition":%d,"replicas":[%s],"log_dirs":[%s]}`, jsonText(p.Topic), p.Partition, numbers(p.Replicas, ","), dirs))
	}
	return fmt.Sprintf(`{"version":1,"partitions":[%s]}`, strings.Join(list, ","))
}

func (c *call) generateMoves(ctx context.Context, file assignmentFile) error {
	topics, err := c.adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return err
	}
	var brokers []int32
	for _, b := range c.list("broker-list") {
		var id int32
		if _, err := fmt.Sscan(b, &id); err != nil {
			return fmt.Errorf("broker list: %q is no broker id", b)
		}
		brokers = append(brokers, id)
	}
	if len(brokers) == 0 {
		return misuse("Missing required argument \"[broker-list]\"")
	}
	var now, then []kadm.PartitionDetail
	next := 0
	for _, t := range file.Topics {
		d, ok := topics[t.Topic]
		if !ok || d.Err != nil {
			return &operate.BrokerError{Message: "Topic " + t.Topic + " not found", Cause: kerr.UnknownTopicOrPartition}
		}
		for _, p := range d.Partitions.Sorted() {
			if len(p.Replicas) > len(brokers) {
				return &operate.BrokerError{Message: fmt.Sprintf("Replication factor: %d larger than available brokers: %d", len(p.Replicas), len(brokers)), Cause: kerr.InvalidReplicationFactor}
			}
			now = append(now, p)
			moved := p
			moved.Replicas = nil
			for i := range p.Replicas {
				moved.Replicas = append(moved.Replicas, brokers[(next+i)%len(brokers)])
			}
			next++
			then = append(then, moved)
		}
	}
	c.printf("Current partition replica assignment\n%s\n\nProposed partition reassignment configuration\n%s\n", assignmentJSON(now), assignmentJSON(then))
	return nil
}

func (c *call) alterMoves(ctx context.Context, file assignmentFile, cancelled bool) error {
	topics, err := c.adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return err
	}
	brokers, err := c.adm.ListBrokers(ctx)
	if err != nil {
		return err
	}
	req := kadm.AlterPartitionAssignmentsReq{}
	var now []kadm.PartitionDetail
	var names []string
	for _, p := range file.Partitions {
		for _, id := range p.Replicas {
			if !slices.Contains(brokers.NodeIDs(), id) {
				fmt.Fprintf(c.Err, "Error: Unknown broker id %d\n", id)
				return exitError(1)
			}
		}
		d, ok := topics[p.Topic].Partitions[p.Partition]
		if !ok {
			return &operate.BrokerError{Message: fmt.Sprintf("Partition %s-%d not found", p.Topic, p.Partition), Cause: kerr.UnknownTopicOrPartition}
		}
		now = append(now, d)
		names = append(names, fmt.Sprintf("%s-%d", p.Topic, p.Partition))
		if cancelled {
			req.CancelAssign(p.Topic, p.Partition)
		} else {
			req.Assign(p.Topic, p.Partition, p.Replicas)
		}
	}
	if !cancelled {
		c.printf("Current partition replica assignment\n\n%s\n\nSave this to use as the --reassignment-json-file option during rollback\n", assignmentJSON(now))
	}
	done, err := c.adm.AlterPartitionAssignments(ctx, req)
	if err != nil {
		return err
	}
	var failed []error
	for _, r := range done.Sorted() {
		if r.Err != nil && !(cancelled && errors.Is(r.Err, kerr.NoReassignmentInProgress)) {
			failed = append(failed, fmt.Errorf("%s-%d: %s", r.Topic, r.Partition, javaText(&operate.BrokerError{Message: r.ErrMessage, Cause: r.Err})))
		}
	}
	if len(failed) > 0 {
		return joined(failed)
	}
	verb, plural := "started partition reassignment", ""
	if cancelled {
		verb = "cancelled partition reassignment"
	}
	if len(names) > 1 {
		plural = "s"
	}
	c.printf("Successfully %s%s for %s\n", verb, plural, strings.Join(names, ","))
	return nil
}
