package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func groupsTool() Tool {
	return Tool{
		Name: "kafka-consumer-groups", About: "List, describe, or delete consumer groups, or reset their offsets.", run: runGroups,
		flags: []flag{
			{"list", "", "List all consumer groups."},
			{"describe", "", "Describe consumer groups and list offset lag."},
			{"delete", "", "Delete consumer groups that are empty."},
			{"reset-offsets", "", "Reset offsets of consumer groups that are inactive."},
			{"delete-offsets", "", "Delete offsets of a consumer group."},
			{"group", "consumer group", "The consumer group."},
			{"all-groups", "", "Apply to all consumer groups."},
			{"topic", "topic", "The topic, or topic:0,1 for some of its partitions."},
			{"all-topics", "", "Consider all topics of which the group has offsets."},
			{"members", "", "Describe members of the group."},
			{"offsets", "", "Describe the group and list its offsets. The default."},
			{"state", "[state]", "List or describe with the state, or only groups in these states."},
			{"type", "[type]", "List with the type, or only groups of these types."},
			{"verbose", "", "Provide additional information."},
			{"timeout", "timeout (ms)", "Longest wait for one answer."},
			{"to-earliest", "", "Reset offsets to the earliest offset."},
			{"to-latest", "", "Reset offsets to the latest offset."},
			{"to-current", "", "Reset offsets to the current offset."},
			{"to-offset", "offset", "Reset offsets to a specific offset."},
			{"shift-by", "number-of-offsets", "Reset offsets shifting the current offset by n."},
			{"to-datetime", "datetime", "Reset offsets to the offset of a time. Format: 'YYYY-MM-DDThh:mm:ss.sss'"},
			{"by-duration", "duration", "Reset offsets to the offset of so long ago. Format: 'PnDTnHnMnS'"},
			{"from-file", "path to CSV file", "Reset offsets to values of a CSV file."},
			{"execute", "", "Execute the operation."},
			{"dry-run", "", "Only show what would be done."},
			{"export", "", "Export the operation to a CSV file format."},
		},
	}
}

func runGroups(ctx context.Context, c *call) error {
	action, err := c.exactlyOne("--list, --describe, --delete, --reset-offsets, --delete-offsets", "list", "describe", "delete", "reset-offsets", "delete-offsets")
	if err != nil {
		return err
	}
	if ms, err := strconv.Atoi(c.value("timeout")); err == nil && ms > 0 {
		c.Timeout = time.Duration(ms) * time.Millisecond
	}
	if action != "list" && !c.has("group") && !c.has("all-groups") {
		return misuse("Option [%s] takes one of these options: [all-groups], [group]", action)
	}
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	actions := map[string]func(context.Context) error{
		"list": c.listGroups, "describe": c.describeGroups, "delete": c.deleteGroups, "reset-offsets": c.resetOffsets, "delete-offsets": c.deleteOffsets,
	}
	err = actions[action](ctx)
	if _, wrong := errors.AsType[*wrongUse](err); err == nil || wrong {
		return err
	}
	c.printf("\nError: Executing consumer group command failed due to %s\n", javaText(err))
	return nil // Kafka's tool ends with 0
}

func (c *call) listGroups(ctx context.Context) error {
	groups, err := operate.ListGroups(ctx, c.cl, c.list("type"), c.list("state"))
	if err != nil {
		return err
	}
	width := 25
	for _, g := range groups {
		width = max(width, len(g.Group))
	}
	if c.has("type") || c.has("state") {
		c.printf("%-*s", width, "GROUP")
		if c.has("type") {
			c.printf(" %-20s", "TYPE")
		}
		if c.has("state") {
			c.printf(" %-20s", "STATE")
		}
		c.printf("\n")
	}
	for _, g := range groups {
		if g.ProtocolType != "consumer" && g.ProtocolType != "" {
			continue
		}
		switch {
		case !c.has("type") && !c.has("state"):
			c.printf("%s\n", g.Group)
			continue
		}
		c.printf("%-*s", width, g.Group)
		if c.has("type") {
			c.printf(" %-20s", title(g.Type))
		}
		if c.has("state") {
			c.printf(" %-20s", g.State)
		}
		c.printf("\n")
	}
	return nil
}

// title writes a word with a capital, as Java's enums print themselves.
func title(word string) string {
	if word == "" {
		return "Unknown"
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

// chosen lists the groups of --group or --all-groups.
func (c *call) chosen(ctx context.Context) ([]string, error) {
	if !c.has("all-groups") {
		return c.values["group"], nil
	}
	groups, err := operate.ListGroups(ctx, c.cl, []string{"classic", "consumer"}, nil)
	var names []string
	for _, g := range groups {
		names = append(names, g.Group)
	}
	return names, err
}

func (c *call) describeGroups(ctx context.Context) error {
	names, err := c.chosen(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		g, err := operate.DescribeGroup(ctx, c.adm, name)
		if errors.Is(err, kerr.GroupIDNotFound) {
			return &operate.BrokerError{Message: fmt.Sprintf("Group %s not found.", name), Cause: kerr.GroupIDNotFound}
		}
		if err != nil {
			return err
		}
		switch {
		case c.has("members"):
			c.printMembers(g)
		case c.has("state"):
			c.printState(g)
		default:
			if err := c.printOffsets(ctx, g); err != nil {
				return err
			}
		}
		c.warnInactive(g)
	}
	return nil
}

func (c *call) warnInactive(g *operate.Group) {
	switch g.State {
	case "Empty":
		fmt.Fprintf(c.Err, "\nConsumer group '%s' has no active members.\n", g.Name)
	case "PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling":
		fmt.Fprintf(c.Err, "\nWarning: Consumer group '%s' is rebalancing.\n", g.Name)
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func (c *call) printOffsets(ctx context.Context, g *operate.Group) error {
	positions, err := operate.Positions(ctx, c.adm, g)
	if err != nil {
		return err
	}
	if len(positions) == 0 {
		return nil
	}
	group, topic, consumer, host := max(15, len(g.Name)), 15, 15, 15
	for _, p := range positions {
		topic = max(topic, len(p.Topic))
		if p.Member != nil {
			consumer, host = max(consumer, len(p.Member.ID)), max(host, len(p.Member.Host))
		}
	}
	line := func(g, t, p, epoch, current, end, lag, id, h, client string) {
		c.printf("%-*s %-*s %-10s ", group, g, topic, t, p)
		if c.has("verbose") {
			c.printf("%-15s ", epoch)
		}
		c.printf("%-15s %-15s %-15s %-*s %-*s %s\n", current, end, lag, consumer, id, host, h, client)
	}
	c.printf("\n")
	line("GROUP", "TOPIC", "PARTITION", "LEADER-EPOCH", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID")
	for _, p := range positions {
		member := operate.Member{}
		if p.Member != nil {
			member = *p.Member
		}
		lag := "-"
		if n, ok := p.Lag(); ok {
			lag = strconv.FormatInt(n, 10)
		}
		line(g.Name, p.Topic, strconv.Itoa(int(p.Partition)), known(int64(p.Epoch)), known(p.Committed), known(p.End), lag, orDash(member.ID), orDash(member.Host), orDash(member.ClientID))
	}
	return nil
}

// known is a number, or - for a negative one.
func known(n int64) string {
	if n < 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func (c *call) printMembers(g *operate.Group) {
	group, consumer, host, client, instance, current, target := max(15, len(g.Name)), 15, 15, 15, 17, 20, 20
	static := false
	for _, m := range g.Members {
		consumer, host, client, instance = max(consumer, len(m.ID)), max(host, len(m.Host)), max(client, len(m.ClientID)), max(instance, len(m.InstanceID))
		current, target = max(current, len(assignment(m.Assigned))), max(target, len(assignment(m.Target)))
		static = static || m.InstanceID != ""
	}
	line := func(g, id, inst, h, cl, n, epoch, now, targetEpoch, then string) {
		c.printf("%-*s %-*s ", group, g, consumer, id)
		if static {
			c.printf("%-*s ", instance, inst)
		}
		c.printf("%-*s %-*s %-15s ", host, h, client, cl, n)
		if c.has("verbose") {
			c.printf("%-15s %-*s %-15s %-*s", epoch, current, now, targetEpoch, target, then)
		}
		c.printf("\n")
	}
	c.printf("\n")
	line("GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS", "CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT")
	for _, m := range g.Members {
		then := assignment(m.Target)
		if g.Type == "Classic" {
			then = ""
		}
		line(g.Name, m.ID, orDash(m.InstanceID), m.Host, m.ClientID, strconv.Itoa(len(operate.SortedPartitions(m.Assigned))),
			known(int64(m.Epoch)), orDash(assignment(m.Assigned)), known(int64(g.TargetEpoch)), map[bool]string{true: "-", false: then}[then == ""])
	}
}

func assignment(set kadm.TopicsSet) string {
	var parts []string
	for _, t := range set.Sorted() {
		parts = append(parts, t.Topic+":"+numbers(t.Partitions, ","))
	}
	return strings.Join(parts, ";")
}

func (c *call) printState(g *operate.Group) {
	coordinator := fmt.Sprintf("%s:%d  (%d)", g.Coordinator.Host, g.Coordinator.Port, g.Coordinator.NodeID)
	width := max(25, len(coordinator))
	group := max(15, len(g.Name))
	line := func(name, where, how, state, epoch, target, n string) {
		c.printf("%-*s %-*s %-20s %-20s ", group, name, width, where, how, state)
		if c.has("verbose") {
			c.printf("%-15s %-25s ", epoch, target)
		}
		c.printf("%s\n", n)
	}
	c.printf("\n")
	line("GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH", "#MEMBERS")
	line(g.Name, coordinator, orDash(g.Assignor), g.State, known(int64(g.Epoch)), known(int64(g.TargetEpoch)), strconv.Itoa(len(g.Members)))
}

func (c *call) deleteGroups(ctx context.Context) error {
	names, err := c.chosen(ctx)
	if err != nil {
		return err
	}
	var done, failed []string
	for _, name := range names {
		r, err := c.adm.DeleteGroup(ctx, name)
		if err = errors.Join(err, r.Err); err != nil {
			failed = append(failed, fmt.Sprintf("* Group '%s' could not be deleted due to: %s", name, javaText(err)))
			continue
		}
		done = append(done, "'"+name+"'")
	}
	if len(failed) == 0 {
		c.printf("Deletion of requested consumer groups (%s) was successful.\n", strings.Join(done, ", "))
		return nil
	}
	c.printf("\nError: Deletion of some consumer groups failed:\n%s\n", strings.Join(failed, "\n"))
	if len(done) > 0 {
		c.printf("\nThese consumer groups were deleted successfully: %s\n", strings.Join(done, ", "))
	}
	return nil
}

func (c *call) deleteOffsets(ctx context.Context) error {
	group := c.value("group")
	set := kadm.TopicsSet{}
	var unknown []string
	for _, t := range c.values["topic"] {
		one, err := operate.ParseTopics(ctx, c.adm, []string{t})
		if err != nil {
			unknown = append(unknown, t)
			continue
		}
		set.Merge(one)
	}
	done, err := c.adm.DeleteOffsets(ctx, group, set)
	if err != nil {
		return err
	}
	if done.Error() != nil {
		c.printf("\nError: Encountered some partition-level error, see the follow-up details.\n")
	} else {
		c.printf("Request succeeded for deleting offsets from group %s.\n", group)
	}
	c.printf("\n%-15s %-10s %-15s\n", "TOPIC", "PARTITION", "STATUS")
	for _, tp := range operate.SortedPartitions(set) {
		status := "Successful"
		if err, _ := done.Lookup(tp.Topic, tp.Partition); err != nil {
			status = "Error: " + javaText(err)
		}
		c.printf("%-15s %-10d %-15s\n", tp.Topic, tp.Partition, status)
	}
	for _, t := range unknown {
		c.printf("%-15s %-10s %-15s\n", t, "-", "Error: "+javaText(kerr.UnknownTopicOrPartition))
	}
	return nil
}

// reset reads where --reset-offsets shall go.
func (c *call) reset() (r operate.Reset, byGroup map[string]kadm.Offsets, err error) {
	r = operate.Reset{Earliest: c.has("to-earliest"), Latest: c.has("to-latest"), Current: c.has("to-current")}
	switch {
	case c.has("to-offset"), c.has("shift-by"):
		name := map[bool]string{true: "to-offset", false: "shift-by"}[c.has("to-offset")]
		n, err := strconv.ParseInt(c.value(name), 10, 64)
		if err != nil {
			return r, nil, misuse("Cannot parse argument '%s' of option %s", c.value(name), name)
		}
		if name == "to-offset" {
			r.Offset = &n
		} else {
			r.Shift = &n
		}
	case c.has("to-datetime"):
		at, err := parseDatetime(c.value("to-datetime"))
		if err != nil {
			return r, nil, err
		}
		r.Since = &at
	case c.has("by-duration"):
		d, err := operate.ParseISODuration(c.value("by-duration"))
		if err != nil {
			return r, nil, misuse("%v", err)
		}
		at := time.Now().Add(-d)
		r.Since = &at
	case c.has("from-file"):
		f, err := os.Open(c.value("from-file"))
		if err != nil {
			return r, nil, err
		}
		defer f.Close()
		byGroup, err = operate.ReadOffsets(f)
		return r, byGroup, err
	case !r.Earliest && !r.Latest && !r.Current:
		return r, nil, misuse("Option '[reset-offsets]' requires one of the following scenarios: [to-offset], [to-datetime], [by-duration], [to-earliest], [to-latest], [shift-by], [from-file], [to-current]")
	}
	return r, nil, nil
}

func parseDatetime(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04:05.000", "2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05.000Z0700", time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, misuse("The timestamp string %s does not conform to the format YYYY-MM-DDThh:mm:ss.sss", text)
}

func (c *call) resetOffsets(ctx context.Context) error {
	r, byGroup, err := c.reset()
	if err != nil {
		return err
	}
	if byGroup == nil && !c.has("topic") && !c.has("all-topics") {
		return misuse("One of the reset scopes should be defined: --topic, --all-topics.")
	}
	if !c.has("execute") && !c.has("dry-run") {
		fmt.Fprintln(c.Err, "WARN: No action will be performed as the --execute option is missing. In version 5.0, this command will require either --dry-run or --execute to be specified. You should add the --dry-run option explicitly if you are scripting this command and want to keep the current default behavior without prompting.")
	}
	names, err := c.chosen(ctx)
	if err != nil {
		return err
	}
	var plans []operate.Planned
	for _, name := range names {
		plan, ok, err := c.resetOne(ctx, name, r, byGroup)
		if err != nil {
			return err
		}
		if ok {
			plans = append(plans, plan)
		}
	}
	c.printPlans(plans, len(names) > 1)
	return nil
}

func (c *call) resetOne(ctx context.Context, name string, r operate.Reset, byGroup map[string]kadm.Offsets) (plan operate.Planned, ok bool, err error) {
	g, err := operate.DescribeGroup(ctx, c.adm, name)
	if err == nil && g.Active() {
		c.printf("\nError: Assignments can only be reset if the group '%s' is inactive, but the current state is %s.\n", name, g.State)
		return plan, false, nil
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return plan, false, err
	}
	var set kadm.TopicsSet
	switch {
	case byGroup != nil:
		if r.Exact = byGroup[name]; r.Exact == nil {
			r.Exact = byGroup[""]
		}
		if r.Exact == nil {
			return plan, false, nil
		}
	case c.has("all-topics"):
		committed, err := c.adm.FetchOffsets(ctx, name)
		if err != nil {
			return plan, false, err
		}
		set = committed.Offsets().TopicsSet()
	default:
		if set, err = operate.ParseTopics(ctx, c.adm, c.values["topic"]); err != nil {
			return plan, false, err
		}
	}
	if plan, err = r.Plan(ctx, c.adm, name, set); err != nil {
		return plan, false, err
	}
	if c.has("execute") {
		err = plan.Commit(ctx, c.adm)
	}
	return plan, true, err
}

func (c *call) printPlans(plans []operate.Planned, several bool) {
	if c.has("export") {
		for _, p := range plans {
			for _, o := range p.Offsets {
				if several {
					c.printf("%s,", p.Group)
				}
				c.printf("%s,%d,%d\n", o.Topic, o.Partition, o.At)
			}
		}
		c.printf("\n")
		return
	}
	group, topic := 15, 15
	for _, p := range plans {
		group = max(group, len(p.Group))
		for _, o := range p.Offsets {
			topic = max(topic, len(o.Topic))
		}
	}
	c.printf("\n%-*s %-*s %-10s %s\n", group, "GROUP", topic, "TOPIC", "PARTITION", "NEW-OFFSET")
	for _, p := range plans {
		for _, o := range p.Offsets {
			c.printf("%-*s %-*s %-10d %d\n", group, p.Group, topic, o.Topic, o.Partition, o.At)
		}
	}
}
