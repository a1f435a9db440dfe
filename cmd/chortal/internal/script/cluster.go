package script

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func clusterTool() Tool {
	return Tool{
		Name: "kafka-cluster", About: "The Kafka cluster tool.\nCommands: cluster-id, list-endpoints", run: runCluster,
		flags: []flag{{"config", "config file", "Property file with the configuration of the client."}},
	}
}

func runCluster(ctx context.Context, c *call) error {
	if len(c.rest) != 1 || c.rest[0] != "cluster-id" && c.rest[0] != "list-endpoints" {
		return misuse("error: invalid choice: %s (choose from 'cluster-id', 'list-endpoints')", strings.Join(c.rest, " "))
	}
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	m, err := c.adm.BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	if c.rest[0] == "cluster-id" {
		c.printf("Cluster ID: %s\n", m.Cluster)
		return nil
	}
	host := len("HOST")
	for _, b := range m.Brokers {
		host = max(host, len(b.Host))
	}
	c.printf("%-10s %-*s %-10s %-10s %-10s %-15s\n", "ID", host, "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE")
	for _, b := range m.Brokers {
		c.printf("%-10d %-*s %-10d %-10s %-10s %-15s\n", b.NodeID, host, b.Host, b.Port, rackText(b.Rack), "unfenced", "broker")
	}
	return nil
}

func rackText(rack *string) string {
	if rack == nil {
		return "null"
	}
	return *rack
}

func apiVersionsTool() Tool {
	return Tool{Name: "kafka-broker-api-versions", About: "This tool helps to retrieve broker version information.", run: runAPIVersions}
}

func runAPIVersions(ctx context.Context, c *call) error {
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	m, err := c.adm.BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	all, err := c.adm.ApiVersions(ctx)
	if err != nil {
		return err
	}
	for _, b := range m.Brokers {
		v, ok := all[b.NodeID]
		if !ok || v.Err != nil {
			c.printf("%s:%d (id: %d rack: %s isFenced: false) -> ERROR: %v\n", b.Host, b.Port, b.NodeID, rackText(b.Rack), v.Err)
			continue
		}
		c.printf("%s:%d (id: %d rack: %s isFenced: false) -> (\n", b.Host, b.Port, b.NodeID, rackText(b.Rack))
		var lines []string
		v.EachKeySorted(func(key, low, high int16) {
			span := fmt.Sprintf("%d to %d", low, high)
			if low == high {
				span = strconv.Itoa(int(low))
			}
			usable := "unusable"
			if max := kmsgMax(key); max >= low {
				usable = fmt.Sprintf("usable: %d", min(high, max))
			}
			lines = append(lines, fmt.Sprintf("\t%s(%d): %s [%s]", apiName(key), key, span, usable))
		})
		c.printf("%s\n)\n", strings.Join(lines, ",\n"))
	}
	return nil
}

func kmsgMax(key int16) int16 {
	if r := kmsg.RequestForKey(key); r != nil {
		return r.MaxVersion()
	}
	return -1
}

// apiName is Kafka's name of an API, which differs from kmsg's in the spelling of acronyms.
func apiName(key int16) string {
	return strings.NewReplacer("ACL", "Acl", "SASL", "Sasl", "SCRAM", "Scram", "ProducerID", "ProducerId", "AlterPartitionAssignments", "AlterPartitionReassignments").Replace(operate.APIName(key))
}

func featuresTool() Tool {
	return Tool{Name: "kafka-features", About: "This tool manages feature flags in Kafka.\nCommands: describe", run: runFeatures, flags: []flag{{"node-id", "id", "Accepted for compatibility."}}}
}

func runFeatures(ctx context.Context, c *call) error {
	if len(c.rest) != 1 || c.rest[0] != "describe" {
		return misuse("error: invalid choice: %s (choose from 'describe')", strings.Join(c.rest, " "))
	}
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	features, epoch, err := operate.Features(ctx, c.cl)
	for _, f := range features {
		level := func(n int16) string {
			if f.Name == "metadata.version" {
				return metadataVersion(n)
			}
			return strconv.Itoa(int(n))
		}
		c.printf("Feature: %-42sSupportedMinVersion: %-17sSupportedMaxVersion: %-17sFinalizedVersionLevel: %-17sEpoch: %d\n", f.Name, level(f.Min), level(f.Max), level(f.Finalized), epoch)
	}
	return err
}

// metadataVersion is the name of a level of metadata.version: those of Kafka 3.3 to 4.3.
func metadataVersion(level int16) string {
	names := strings.Fields("3.3-IV0 3.3-IV1 3.3-IV2 3.3-IV3 3.4-IV0 3.5-IV0 3.5-IV1 3.5-IV2 3.6-IV0 3.6-IV1 3.6-IV2 3.7-IV0 3.7-IV1 3.7-IV2 3.7-IV3 3.7-IV4 3.8-IV0 3.9-IV0 4.0-IV0 4.0-IV1 4.0-IV2 4.0-IV3 4.1-IV0 4.1-IV1 4.2-IV0 4.2-IV1 4.3-IV0")
	if i := int(level) - 4; i >= 0 && i < len(names) {
		return names[i]
	}
	return strconv.Itoa(int(level))
}

func logDirsTool() Tool {
	return Tool{
		Name: "kafka-log-dirs", About: "This tool helps to query log directory usage on the specified brokers.", run: runLogDirs,
		flags: []flag{{"describe", "", "Describe the specified log directories on the specified brokers."}, {"broker-list", "brokers", "Brokers, comma separated; default all."}, {"topic-list", "topics", "Topics, comma separated; default all."}},
	}
}

func runLogDirs(ctx context.Context, c *call) error {
	if !c.has("describe") {
		return misuse("Missing required argument \"[describe]\"")
	}
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	all, err := c.adm.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		return err
	}
	brokers := slices.Sorted(maps.Keys(all))
	var existing []string
	for _, b := range brokers {
		existing = append(existing, strconv.Itoa(int(b)))
	}
	if wanted := c.list("broker-list"); len(wanted) > 0 {
		var missing []string
		for _, b := range wanted {
			if !slices.Contains(existing, b) {
				missing = append(missing, b)
			}
		}
		if len(missing) > 0 {
			fmt.Fprintf(c.Err, "ERROR: The given brokers do not exist from --broker-list: %s. Current existent brokers: %s\n", strings.Join(missing, ","), strings.Join(existing, ","))
			return exitError(1)
		}
		brokers = slices.DeleteFunc(brokers, func(b int32) bool { return !slices.Contains(wanted, strconv.Itoa(int(b))) })
		existing = wanted
	}
	c.printf("Querying brokers for log directories information\nReceived log directory information from brokers %s\n", strings.Join(existing, ","))
	var parts []string
	for _, b := range brokers {
		parts = append(parts, fmt.Sprintf(`{"broker":%d,"logDirs":[%s]}`, b, strings.Join(c.logDirs(all[b]), ",")))
	}
	c.printf(`{"brokers":[%s],"version":1}`+"\n", strings.Join(parts, ","))
	return nil
}

func (c *call) logDirs(dirs kadm.DescribedLogDirs) []string {
	topics := c.list("topic-list")
	var all []string
	for _, d := range dirs.Sorted() {
		var partitions []string
		for _, p := range d.Topics.Sorted() {
			if len(topics) == 0 || slices.Contains(topics, p.Topic) {
				partitions = append(partitions, fmt.Sprintf(`{"partition":%s,"size":%d,"offsetLag":%d,"isFuture":%t}`, jsonText(fmt.Sprintf("%s-%d", p.Topic, p.Partition)), p.Size, p.OffsetLag, p.IsFuture))
			}
		}
		problem := "null"
		if d.Err != nil {
			problem = jsonText(javaText(d.Err))
		}
		all = append(all, fmt.Sprintf(`{"partitions":[%s],"error":%s,"logDir":%s}`, strings.Join(partitions, ","), problem, jsonText(d.Dir)))
	}
	return all
}

func quorumTool() Tool {
	return Tool{
		Name: "kafka-metadata-quorum", About: "This tool describes kraft metadata quorum status.\nCommands: describe", run: runQuorum,
		flags: []flag{{"status", "", "A short summary of the quorum."}, {"replication", "", "Detailed information about the replicas."}, {"human-readable", "", "Times as a duration before now."}},
	}
}

func runQuorum(ctx context.Context, c *call) error {
	if len(c.rest) != 1 || c.rest[0] != "describe" || c.has("status") == c.has("replication") {
		return misuse("One of --status or --replication must be specified with describe sub-command")
	}
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	q, err := operate.DescribeQuorum(ctx, c.cl)
	if err != nil {
		return err
	}
	if c.has("status") {
		return c.quorumStatus(ctx, q)
	}
	now := time.Now().UnixMilli()
	when := func(ms int64) string {
		if c.has("human-readable") && ms >= 0 {
			return fmt.Sprintf("%d ms ago", max(now-ms, 0))
		}
		return strconv.FormatInt(ms, 10)
	}
	var rows [][]string
	for _, r := range q.Replicas {
		rows = append(rows, []string{
			strconv.Itoa(int(r.ID)), base64.RawURLEncoding.EncodeToString(r.Directory[:]), strconv.FormatInt(r.LogEndOffset, 10), strconv.FormatInt(q.LeaderEnd-r.LogEndOffset, 10),
			when(r.LastFetchMilli), when(r.CaughtUpMilli), r.Role,
		})
	}
	c.tabs([]string{"NodeId", "DirectoryId", "LogEndOffset", "Lag", "LastFetchTimestamp", "LastCaughtUpTimestamp", "Status"}, rows)
	return nil
}

func (c *call) quorumStatus(ctx context.Context, q *operate.Quorum) error {
	m, err := c.adm.BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	var (
		voters, observers []string
		lag, lagMs        int64
		caughtUp          int64
	)
	for _, r := range q.Replicas {
		if r.Role == "Leader" {
			caughtUp = r.CaughtUpMilli
		}
	}
	for _, r := range q.Replicas {
		if r.Role == "Observer" {
			observers = append(observers, quorumNode(q, r))
			continue
		}
		voters = append(voters, quorumNode(q, r))
		lag, lagMs = max(lag, q.LeaderEnd-r.LogEndOffset), max(lagMs, caughtUp-r.CaughtUpMilli)
	}
	c.printf("ClusterId:              %s\nLeaderId:               %d\nLeaderEpoch:            %d\nHighWatermark:          %d\nMaxFollowerLag:         %d\nMaxFollowerLagTimeMs:   %d\nCurrentVoters:          [%s]\nCurrentObservers:       [%s]\n",
		m.Cluster, q.Leader, q.Epoch, q.HighWatermark, lag, lagMs, strings.Join(voters, ", "), strings.Join(observers, ", "))
	return nil
}

func quorumNode(q *operate.Quorum, r operate.QuorumReplica) string {
	text := fmt.Sprintf(`{"id": %d`, r.ID)
	if r.Directory != [16]byte{} {
		text += fmt.Sprintf(`, "directoryId": "%s"`, base64.RawURLEncoding.EncodeToString(r.Directory[:]))
	}
	for _, n := range q.Nodes {
		if n.NodeID != r.ID {
			continue
		}
		var endpoints []string
		for _, l := range n.Listeners {
			endpoints = append(endpoints, fmt.Sprintf(`"%s://%s:%d"`, l.Name, l.Host, l.Port))
		}
		text += fmt.Sprintf(`, "endpoints": [%s]`, strings.Join(endpoints, ", "))
	}
	return text + "}"
}

// joined is the first of several errors as it is, nil for none.
func joined(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return errors.Join(errs...)
}
