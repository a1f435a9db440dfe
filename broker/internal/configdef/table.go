package configdef

import (
	"sort"
	"sync"
)

type index struct {
	byName map[string]*Key
	sorted []*Key
}

// table indexes the rows once; it never changes after.
var table = sync.OnceValue(func() [3]index {
	var t [3]index
	for scope, rows := range [3][]Key{brokerKeys(), topicKeys(), groupKeys()} {
		t[scope].byName = make(map[string]*Key, len(rows))
		for i := range rows {
			k := &rows[i]
			k.Scope = Scope(scope)
			t[scope].byName[k.Name] = k
			t[scope].sorted = append(t[scope].sorted, k)
		}
		sort.Slice(t[scope].sorted, func(i, j int) bool { return t[scope].sorted[i].Name < t[scope].sorted[j].Name })
	}
	return t
})
func brokerKeys() []Key { return nil }
func topicKeys() []Key { return nil }
func groupKeys() []Key { return nil }
