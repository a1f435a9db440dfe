package configdef

import (
	"slices"
	"sort"
	"sync"
)

// row is one line of the tables, in the order in which it is read: name, type, default, what it is, what is allowed.
type row struct {
	name  string
	typ   Type
	def   string // null: no default
	doc   string
	check check
	flags flags
}

// null is the default of keys that have none.
const null = "\x00"

type flags uint8

const (
	clusterWide flags = 1 << iota
	perBroker
	unused
	own
	guards
)

// alias is a broker key that holds the default of another key, in another unit: its value times factor.
type alias struct {
	name   string
	factor int64
}

type index struct {
	byName map[string]*Key
	sorted []*Key
}

// table indexes the rows once; it never changes after.
var table = sync.OnceValue(func() [4]index {
	broker := slices.Concat(serverKeys(), logKeys(), coordinatorKeys(), clusterKeys(), securityKeys())
	t := [4]index{newIndex(Broker, broker), newIndex(Topic, topicRows()), newIndex(Group, groupRows()), newIndex(ClientMetrics, clientMetricsRows())}
	for name, aliases := range synonyms() {
		t[Topic].byName[name].aliases = aliases
		t[Topic].byName[name].Synonym = aliases[0].name
		if k := t[Broker].byName[aliases[0].name]; k != nil {
			k.aliases = aliases
		}
	}
	for _, k := range t[Group].sorted {
		if _, ok := t[Broker].byName["group."+k.Name]; ok {
			k.Synonym = "group." + k.Name
			k.aliases = []alias{{k.Synonym, 1}}
		}
	}
	return t
})

func newIndex(s Scope, rows []row) index {
	x := index{byName: make(map[string]*Key, len(rows))}
	for i := range rows {
		k := rows[i].key(s)
		if x.byName[k.Name] != nil {
			panic("configuration key twice: " + k.Name)
		}
		x.byName[k.Name] = k
		x.sorted = append(x.sorted, k)
	}
	sort.Slice(x.sorted, func(i, j int) bool { return x.sorted[i].Name < x.sorted[j].Name })
	return x
}

func (r *row) key(s Scope) *Key {
	k := &Key{
		Name: r.name, Scope: s, Type: r.typ, Doc: r.doc, check: r.check,
		Sensitive: r.typ == Password, Unused: r.flags&unused != 0, Own: r.flags&own != 0,
		Guards: r.flags&guards != 0,
	}
	if r.def != null {
		k.Default, k.HasDefault = r.def, true
	}
	switch {
	case r.flags&clusterWide != 0:
		k.Mode = ClusterWide
	case r.flags&perBroker != 0:
		k.Mode = PerBroker
	}
	return k
}
