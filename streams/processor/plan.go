package processor

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Plan is a topology cut into subtopologies, with the names of its internal topics.
type Plan struct {
	// Subtopologies are those that become tasks.
	Subtopologies []*Subtopology
	// Global is the part that feeds the global stores, nil if there are none.
	Global *Subtopology
	// Copartition are groups of source topics that must have equal numbers of partitions, each sorted.
	Copartition [][]string

	topology *Topology
	config   PlanConfig
}

// PlanConfig is what an application's configuration says about its topics.
type PlanConfig struct {
	ApplicationID string
	// InternalPrefix stands instead of the application's id before the names of internal topics, if set.
	InternalPrefix string
	// TopicConfig are defaults for the properties of internal topics.
	TopicConfig map[string]string
	// AdditionalRetention is added to the retention of windowed changelogs, in milliseconds; zero means a day.
	AdditionalRetention int64
}

// dayMs is the default of windowstore.changelog.additional.retention.ms.
const dayMs = 86400000

// Subtopology is a connected part of a topology: what one task runs.
type Subtopology struct {
	ID int
	// Sources in the order in which they were added.
	Sources []SourceInfo
	// SourceTopics are all topics that it reads, sorted; those of patterns are not among them.
	SourceTopics []string
	// SinkTopics are the topics that it writes, without those that are chosen per record; sorted.
	SinkTopics []string
	// Repartitions are the repartition topics that it reads.
	Repartitions []InternalTopic
	// Changelogs are the changelog topics of its stores, without source topics that serve as one.
	Changelogs []InternalTopic
	// Stores in the order in which they are opened, flushed and restored.
	Stores []StoreInfo

	plan  *Plan
	nodes []*node
}

// SourceInfo is a source node with its topics.
type SourceInfo struct {
	Node    string
	Topics  []string
	Pattern *regexp.Regexp
	Reset   OffsetReset
}

// Matches says whether the source's pattern matches all of topic.
func (s SourceInfo) Matches(topic string) bool { return s.Pattern != nil && matches(s.Pattern, topic) }

// StoreInfo is a store with its changelog.
type StoreInfo struct {
	Spec *StoreSpec
	// Changelog is the topic that the store is restored from; empty if there is none.
	Changelog string
	// OwnChangelog says that the store writes Changelog; otherwise it is a source topic.
	OwnChangelog bool
}

// InternalTopic is a topic that the application creates.
type InternalTopic struct {
	Name string
	// Partitions is zero where the number follows from other topics: see Plan.PartitionCounts.
	Partitions int32
	// Config are the topic's properties.
	Config map[string]string
}

// Plan cuts t into subtopologies.
func (t *Topology) Plan(c PlanConfig) (*Plan, error) {
	if t.err != nil {
		return nil, t.err
	}
	if c.AdditionalRetention == 0 {
		c.AdditionalRetention = dayMs
	}
	p := &Plan{topology: t, config: c}
	for id, group := range t.groups() {
		s := &Subtopology{ID: id, plan: p, nodes: group}
		if group[0].global {
			if p.Global == nil {
				p.Global = &Subtopology{ID: -1, plan: p}
			}
			p.Global.nodes = append(p.Global.nodes, group...)
			continue
		}
		s.describe()
		p.Subtopologies = append(p.Subtopologies, s)
	}
	if p.Global != nil {
		p.Global.describe()
	}
	for _, sources := range t.copartitionGroups() {
		p.addCopartition(sources)
	}
	return p, nil
}

// copartitionGroups joins the groups that have a source in common.
func (t *Topology) copartitionGroups() [][]string {
	var groups [][]string
	for _, c := range t.copartition {
		merged := slices.Clone(c)
		kept := groups[:0:0]
		for _, g := range groups {
			if slices.ContainsFunc(g, func(s string) bool { return slices.Contains(merged, s) }) {
				merged = append(merged, g...)
			} else {
				kept = append(kept, g)
			}
		}
		slices.Sort(merged)
		groups = append(kept, slices.Compact(merged))
	}
	return groups
}

func (p *Plan) addCopartition(sources []string) {
	var group []string
	for _, name := range sources {
		if n := p.topology.byName[name]; n != nil {
			for _, topic := range n.topics {
				group = append(group, p.Resolve(topic))
			}
		}
	}
	if len(group) == 0 {
		return
	}
	slices.Sort(group)
	p.Copartition = append(p.Copartition, slices.Compact(group))
	slices.SortFunc(p.Copartition, slices.Compare[[]string])
}

// Resolve returns the name of a topic of the topology in the cluster: internal ones get the application's id as a prefix.
func (p *Plan) Resolve(topic string) string {
	if _, ok := p.topology.internal[topic]; ok {
		return p.prefix() + topic
	}
	return topic
}

func (p *Plan) prefix() string {
	if p.config.InternalPrefix != "" {
		return p.config.InternalPrefix + "-"
	}
	return p.config.ApplicationID + "-"
}

// Whole returns all that becomes tasks as one subtopology, as Kafka's TopologyTestDriver runs it.
func (p *Plan) Whole() *Subtopology {
	s := &Subtopology{plan: p}
	for _, n := range p.topology.nodes {
		if !n.global {
			s.nodes = append(s.nodes, n)
		}
	}
	s.describe()
	return s
}

func (s *Subtopology) describe() {
	p := s.plan
	seen := make(map[string]bool)
	for _, n := range s.nodes {
		switch n.kind {
		case sourceKind:
			s.addSource(n)
		case sinkKind:
			if n.topic != "" {
				s.SinkTopics = append(s.SinkTopics, p.Resolve(n.topic))
			}
		}
		for _, name := range n.stores {
			if !seen[name] {
				seen[name] = true
				s.addStore(p.topology.stores[name])
			}
		}
	}
	slices.Sort(s.SourceTopics)
	slices.Sort(s.SinkTopics)
	s.SinkTopics = slices.Compact(s.SinkTopics)
}

func (s *Subtopology) addSource(n *node) {
	info := SourceInfo{Node: n.name, Pattern: n.pattern, Reset: n.reset}
	for _, topic := range n.topics {
		name := s.plan.Resolve(topic)
		info.Topics = append(info.Topics, name)
		if props, ok := s.plan.topology.internal[topic]; ok {
			s.Repartitions = append(s.Repartitions, InternalTopic{name, props.Partitions, s.plan.repartitionConfig(props)})
		}
	}
	s.SourceTopics = append(s.SourceTopics, info.Topics...)
	s.Sources = append(s.Sources, info)
}

func (p *Plan) repartitionConfig(props InternalTopicProperties) map[string]string {
	c := map[string]string{
		"cleanup.policy": CleanupDelete, "segment.bytes": "52428800", "retention.ms": "-1", "message.timestamp.type": "CreateTime",
	}
	maps.Copy(c, p.config.TopicConfig)
	maps.Copy(c, props.Config)
	return c
}

func (s *Subtopology) addStore(e *storeEntry) {
	info := StoreInfo{Spec: e.spec}
	switch {
	case e.global:
		info.Changelog = e.topic
	case e.spec.ChangelogTopic != "":
		info.Changelog = s.plan.Resolve(e.spec.ChangelogTopic)
	case e.spec.Logging:
		info.Changelog, info.OwnChangelog = s.plan.prefix()+e.spec.Name+"-changelog", true
		s.Changelogs = append(s.Changelogs, InternalTopic{Name: info.Changelog, Config: s.plan.changelogConfig(e.spec)})
	}
	s.Stores = append(s.Stores, info)
}

func (p *Plan) changelogConfig(spec *StoreSpec) map[string]string {
	c := map[string]string{"cleanup.policy": CleanupCompact, "message.timestamp.type": "CreateTime"}
	if spec.Cleanup != "" {
		c["cleanup.policy"] = spec.Cleanup
	}
	maps.Copy(c, p.config.TopicConfig)
	if spec.Retention > 0 {
		c["retention.ms"] = strconv.FormatInt(saturatingAdd(spec.Retention, p.config.AdditionalRetention), 10)
	}
	if spec.MinCompactionLag > 0 {
		c["min.compaction.lag.ms"] = strconv.FormatInt(saturatingAdd(spec.MinCompactionLag, p.config.AdditionalRetention), 10)
	}
	maps.Copy(c, spec.TopicConfig)
	return c
}

func saturatingAdd(a, b int64) int64 {
	if s := a + b; s >= a {
		return s
	}
	return 1<<63 - 1
}

// PartitionCounts works out how many partitions each internal topic gets and how many tasks each subtopology. count
// returns the number of partitions of an external topic, zero if it does not exist.
func (p *Plan) PartitionCounts(count func(topic string) int32) (topics map[string]int32, tasks map[int]int32, err error) {
	topics = make(map[string]int32)
	internal := make(map[string]int32)
	for _, s := range p.Subtopologies {
		for _, r := range s.Repartitions {
			internal[r.Name] = r.Partitions
			if r.Partitions > 0 {
				topics[r.Name] = r.Partitions
			}
		}
	}
	of := func(topic string) int32 {
		if _, ok := internal[topic]; ok {
			return topics[topic]
		}
		return count(topic)
	}
	if err := p.settleRepartitions(topics, internal, of); err != nil {
		return nil, nil, err
	}
	if err := p.settleCopartition(topics, internal, of); err != nil {
		return nil, nil, err
	}
	tasks = make(map[int]int32)
	for _, s := range p.Subtopologies {
		for _, topic := range s.SourceTopics {
			if of(topic) == 0 {
				return nil, nil, fmt.Errorf("source topic %s of subtopology %d does not exist", topic, s.ID)
			}
			tasks[s.ID] = max(tasks[s.ID], of(topic))
		}
		for _, c := range s.Changelogs {
			topics[c.Name] = max(1, tasks[s.ID])
		}
	}
	return topics, tasks, nil
}

// settleRepartitions gives each repartition topic the largest number among the topics that the subtopologies writing it
// read, in as many rounds as there are topics.
func (p *Plan) settleRepartitions(topics, internal map[string]int32, of func(string) int32) error {
	for range len(internal) + 1 {
		open := false
		for topic := range internal {
			if topics[topic] > 0 {
				continue
			}
			n, complete := int32(0), true
			for _, s := range p.Subtopologies {
				if !slices.Contains(s.SinkTopics, topic) {
					continue
				}
				for _, source := range s.SourceTopics {
					if of(source) == 0 && source != topic {
						complete = false
					}
					n = max(n, of(source))
				}
			}
			if complete && n > 0 {
				topics[topic] = n
			} else {
				open = true
			}
		}
		if !open {
			return nil
		}
	}
	for topic := range internal {
		if topics[topic] == 0 {
			return fmt.Errorf("the number of partitions of %s depends on topics that do not exist", topic)
		}
	}
	return nil
}

// settleCopartition makes the topics of each group equal: external ones must be so already, repartition topics follow.
func (p *Plan) settleCopartition(topics, internal map[string]int32, of func(string) int32) error {
	for _, group := range p.Copartition {
		want, fixedBy := int32(0), ""
		for _, topic := range group {
			fixed, isInternal := internal[topic]
			if isInternal && fixed == 0 {
				continue
			}
			n := of(topic)
			if want != 0 && n != want {
				return invalid("topics %s are not co-partitioned: %s has %d partitions, %s has %d",
					strings.Join(group, ", "), fixedBy, want, topic, n)
			}
			want, fixedBy = n, topic
		}
		if want == 0 {
			for _, topic := range group {
				want = max(want, topics[topic])
			}
		}
		for _, topic := range group {
			if _, ok := internal[topic]; ok {
				topics[topic] = want
			}
		}
	}
	return nil
}

// groups returns the nodes of each subtopology in the order of the topology. Subtopologies are numbered in
// the order of their first sources.
func (t *Topology) groups() [][]*node {
	root := make(map[string]string, len(t.nodes))
	for _, n := range t.nodes {
		root[n.name] = n.name
	}
	var find func(string) string
	find = func(name string) string {
		if root[name] != name {
			root[name] = find(root[name])
		}
		return root[name]
	}
	for _, n := range t.nodes {
		for _, p := range n.parents {
			root[find(n.name)] = find(p)
		}
	}
	for _, e := range t.stores {
		for i := 1; i < len(e.users); i++ {
			root[find(e.users[i])] = find(e.users[0])
		}
	}
	id := make(map[string]int)
	number := func(n *node) {
		if _, ok := id[find(n.name)]; !ok {
			id[find(n.name)] = len(id)
		}
	}
	for _, n := range t.nodes {
		if n.kind == sourceKind {
			number(n)
		}
	}
	for _, n := range t.nodes {
		number(n)
	}
	groups := make([][]*node, len(id))
	for _, n := range t.nodes {
		g := id[find(n.name)]
		groups[g] = append(groups[g], n)
	}
	return groups
}
