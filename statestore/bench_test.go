package statestore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/statestore/badgerstore"
	"github.com/chortal/chortal/statestore/memstore"
)

func benchStore(b *testing.B, e statestore.Engine, caching bool, maxBytes int64) *statestore.KeyValue[string, int64] {
	b.Helper()
	s, err := statestore.NewKeyValue(statestore.Config[string, int64]{
		Name: "s", Engine: e, Keys: text{}, Values: number{}, Caching: caching, MaxBytes: maxBytes,
		Log:      func(statestore.ChangelogRecord) error { return nil },
		OnChange: func(statestore.Change[string, int64]) error { return nil },
	})
	ok(b, err)
	return s
}

func benchKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("producto-%07d", i)
	}
	return keys
}

func openBadger(b *testing.B) statestore.Engine {
	b.Helper()
	e, err := badgerstore.Open(b.TempDir(), badgerstore.Options{})
	ok(b, err)
	b.Cleanup(func() { ok(b, e.Close()) })
	return e
}

// BenchmarkGetPut is a read-modify-write of a cached entry, as an aggregation does it.
func BenchmarkGetPut(b *testing.B) {
	for _, n := range []int{1000, 1000000} {
		for _, caching := range []bool{true, false} {
			b.Run(fmt.Sprintf("keys=%d/caching=%v", n, caching), func(b *testing.B) {
				s, keys := benchStore(b, memstore.New(), caching, 1<<40), benchKeys(n)
				for i, k := range keys {
					ok(b, s.Put(k, int64(i), 0))
				}
				b.ReportAllocs()
				x := uint32(1)
				for b.Loop() {
					x = x*1664525 + 1013904223
					k := keys[int(x>>8)%n]
					v, _, _, err := s.Get(k)
					if err != nil {
						b.Fatal(err)
					}
					if err := s.Put(k, v+1, 1); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkNewKey is an aggregation's first look at a key: there is no such entry, and one is made.
func BenchmarkNewKey(b *testing.B) {
	e := memstore.New()
	s := benchStore(b, e, true, 1<<40)
	b.ReportAllocs()
	key := []byte("producto-0000000000")
	for i := int64(0); b.Loop(); i++ {
		for j, n := len(key)-1, i; j > 9; j, n = j-1, n/10 {
			key[j] = byte('0' + n%10)
		}
		k := string(key)
		if _, _, found, err := s.Get(k); found || err != nil {
			b.Fatal(found, err)
		}
		if err := s.Put(k, 1, 1); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGetMiss reads entries that only the engine has.
func BenchmarkGetMiss(b *testing.B) {
	const n = 100000
	keys := benchKeys(n)
	for name, open := range map[string]func(b *testing.B) statestore.Engine{
		"badger": openBadger, "memory": func(*testing.B) statestore.Engine { return memstore.New() },
	} {
		b.Run(name, func(b *testing.B) {
			e := open(b)
			s := benchStore(b, e, true, 1)
			for i, k := range keys {
				ok(b, s.Put(k, int64(i), 0))
			}
			commit(b, e, s)
			b.ReportAllocs()
			x := uint32(1)
			for b.Loop() {
				x = x*1664525 + 1013904223
				if _, _, found, err := s.Get(keys[int(x>>8)%n]); !found || err != nil {
					b.Fatal(found, err)
				}
			}
		})
	}
	b.Run("absent", func(b *testing.B) {
		e := openBadger(b)
		s := benchStore(b, e, true, 1)
		for i, k := range keys {
			ok(b, s.Put(k, int64(i), 0))
		}
		commit(b, e, s)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, _, found, err := s.Get(keys[i%n][1:]); found || err != nil {
				b.Fatal(found, err)
			}
		}
	})
}

// BenchmarkWindow is a windowed sum: 1000 keys, a window per 1000 records and key.
func BenchmarkWindow(b *testing.B) {
	e := memstore.New()
	s := openWindow(b, e, func(c *statestore.WindowConfig[string, int64]) {
		c.Retention, c.Caching = 10*time.Minute, true
		c.Log = func(statestore.ChangelogRecord) error { return nil }
		c.OnChange = func(statestore.Change[statestore.WindowKey[string], int64]) error { return nil }
	})
	keys := benchKeys(1000)
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		k, start := keys[i*7919%1000], i/1000000*60000
		v, _, _, err := s.Get(k, start)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Put(k, start, v+i, i); err != nil {
			b.Fatal(err)
		}
		if i%100000 == 99999 {
			commit(b, e, s)
		}
	}
}

// BenchmarkFlush is a commit of 10,000 dirty keys: per key a changelog record, a change and a write to the engine.
func BenchmarkFlush(b *testing.B) {
	for name, open := range map[string]func(b *testing.B) statestore.Engine{
		"badger": openBadger, "memory": func(*testing.B) statestore.Engine { return memstore.New() },
	} {
		b.Run(name, func(b *testing.B) {
			const n = 10000
			e, keys := open(b), benchKeys(n)
			s := benchStore(b, e, true, 1<<40)
			for round := int64(0); b.Loop(); round++ {
				for _, k := range keys {
					ok(b, s.Put(k, round, round))
				}
				commit(b, e, s)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/key")
		})
	}
}

// BenchmarkRestore replays a changelog of 100,000 keys into an empty engine.
func BenchmarkRestore(b *testing.B) {
	const n = 100000
	keys := benchKeys(n)
	value := make([]byte, 8)
	for b.Loop() {
		b.StopTimer()
		e := openBadger(b)
		s := benchStore(b, e, true, 0)
		b.StartTimer()
		var batch statestore.Batch
		for i, k := range keys {
			ok(b, s.Restore(&batch, statestore.ChangelogRecord{Key: []byte(k), Value: value, Timestamp: 1}))
			if i%10000 == 9999 {
				ok(b, e.Apply(&batch))
				batch.Reset()
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/key")
}
