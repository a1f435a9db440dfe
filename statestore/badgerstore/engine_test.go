package badgerstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/statestore/badgerstore"
	"github.com/chortal/chortal/statestore/storetest"
)

func open(t testing.TB, dir string) statestore.Engine {
	t.Helper()
	e, err := badgerstore.Open(dir, badgerstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEngine(t *testing.T) {
	root := t.TempDir()
	n := 0
	storetest.Run(t, func(t testing.TB) statestore.Engine {
		n++
		return open(t, filepath.Join(root, fmt.Sprint(n)))
	})
}

var tp = statestore.TopicPartition{Topic: "changelog", Partition: 3}

func write(t testing.TB, e statestore.Engine, n int64) {
	t.Helper()
	var b statestore.Batch
	b.Put([]byte("k"), bytes.Repeat([]byte{byte(n)}, 2000))
	b.SetOffset(tp, statestore.Offset{Next: n, TopicID: [16]byte{1}, At: time.UnixMilli(n)})
	if err := e.Apply(&b); err != nil {
		t.Fatal(err)
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	for n := range int64(4) {
		e := open(t, dir)
		offsets, err := e.Checkpoint()
		if err != nil || offsets[tp].Next != n {
			t.Fatalf("opened for the %dth time: offsets %v, %v", n, offsets, err)
		}
		write(t, e, n+1)
		value, _, err := e.Get([]byte("k"))
		if err != nil || len(value) != 2000 || value[0] != byte(n+1) {
			t.Fatalf("value of %d bytes, %v", len(value), err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDestroy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	e := open(t, dir)
	write(t, e, 1)
	if err := e.Destroy(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder is still there: %v", err)
	}
	e = open(t, dir)
	defer e.Close()
	if _, ok, err := e.Get([]byte("k")); ok || err != nil {
		t.Errorf("%v, %v after destroy", ok, err)
	}
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir)
	defer e.Close()
	_, err := badgerstore.Open(dir, badgerstore.Options{})
	if _, corrupt := errors.AsType[*statestore.CorruptionError](err); err == nil || corrupt {
		t.Errorf("second open: %v", err)
	}
}

func TestCorruption(t *testing.T) {
	wantCorrupt := func(t *testing.T, dir string) {
		t.Helper()
		e, err := badgerstore.Open(dir, badgerstore.Options{})
		if err == nil { // then the value is what is broken
			_, _, err = e.Get([]byte("k"))
			_ = e.Close()
		}
		if _, corrupt := errors.AsType[*statestore.CorruptionError](err); !corrupt {
			t.Fatalf("error %v, want a corruption", err)
		}
		if err := badgerstore.Destroy(dir); err != nil {
			t.Fatal(err)
		}
		e = open(t, dir)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	filled := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "store")
		e := open(t, dir)
		write(t, e, 7)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	t.Run("format", func(t *testing.T) {
		dir := filled(t)
		writeFile(t, filepath.Join(dir, "format"), []byte("CHST\x09"))
		wantCorrupt(t, dir)
	})
	t.Run("no format", func(t *testing.T) {
		dir := filled(t)
		if err := os.Remove(filepath.Join(dir, "format")); err != nil {
			t.Fatal(err)
		}
		wantCorrupt(t, dir)
	})
	t.Run("manifest", func(t *testing.T) {
		dir := filled(t)
		writeFile(t, filepath.Join(dir, "db", "MANIFEST"), []byte("no manifest at all"))
		wantCorrupt(t, dir)
	})
	t.Run("value", func(t *testing.T) {
		dir := filled(t)
		tables, err := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
		if err != nil || len(tables) != 1 {
			t.Fatalf("tables %v, %v", tables, err)
		}
		b, err := os.ReadFile(tables[0])
		if err != nil {
			t.Fatal(err)
		}
		i := bytes.Index(b, bytes.Repeat([]byte{7}, 100))
		if i < 0 {
			t.Fatal("value is not in the table")
		}
		b[i+50] ^= 1
		writeFile(t, tables[0], b)
		wantCorrupt(t, dir)
	})
	t.Run("crash loop", func(t *testing.T) {
		dir := filled(t)
		writeFile(t, filepath.Join(dir, "openings"), []byte{10})
		wantCorrupt(t, dir)
	})
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if _, err := badgerstore.Open(dir, badgerstore.Options{MinFreeBytes: 1 << 62}); !errors.Is(err, statestore.ErrNoSpace) {
		t.Errorf("open on a full disk: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	e := open(t, t.TempDir())
	defer e.Close()
	var b statestore.Batch
	b.Put([]byte("k"), make([]byte, 1<<20))
	if err := e.Apply(&b); !errors.Is(err, statestore.ErrTooLarge) {
		t.Errorf("apply of a value of 1 MiB: %v", err)
	}
	b.Reset()
	b.Put([]byte("k"), make([]byte, 1<<20-2000))
	if err := e.Apply(&b); err != nil {
		t.Errorf("apply of a value just below: %v", err)
	}
}

func writeFile(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
