package fs_test

import (
	"bytes"
	"errors"
	"io"
	iofs "io/fs"
	"net"
	"syscall"
	"testing"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/google/go-cmp/cmp"
)

func kinds(t *testing.T) map[string]fs.FS {
	t.Helper()
	disk, err := fs.NewOS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]fs.FS{"os": disk, "mem": fs.NewMem(), "crashmem": fs.NewCrashMem()}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFileLife(t *testing.T) {
	for name, fsys := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			must(t, fsys.MkdirAll("a/b"))
			f, err := fsys.Create("a/b/x")
			must(t, err)
			big := bytes.Repeat([]byte("chortal "), 20_000)
			_, err = f.WriteAt(big, 3)
			must(t, err)
			must(t, f.Preallocate(0, 1<<20))
			must(t, f.Sync())
			size, err := f.Size()
			must(t, err)
			if size != int64(len(big))+3 {
				t.Fatalf("size %d: preallocation must not change it", size)
			}
			got := make([]byte, len(big))
			_, err = f.ReadAt(got, 3)
			must(t, err)
			if !bytes.Equal(got, big) {
				t.Fatal("read back other bytes")
			}
			must(t, f.Truncate(5))
			must(t, f.Truncate(8))
			n, err := f.ReadAt(got[:10], 0)
			if n != 8 || err != io.EOF || !bytes.Equal(got[:8], []byte("\x00\x00\x00ch\x00\x00\x00")) {
				t.Fatalf("after truncation: %d %v %q", n, err, got[:n])
			}
			must(t, f.Close())
			must(t, fsys.Rename("a/b", "a/c"))
			_, err = fsys.Open("a/b/x")
			if !errors.Is(err, iofs.ErrNotExist) {
				t.Fatalf("open of a moved file: %v", err)
			}
			must(t, fs.WriteFileAtomic(fsys, "a/c/y", []byte("hi")))
			names, err := fsys.List("a/c")
			must(t, err)
			if d := cmp.Diff([]string{"x", "y"}, names); d != "" {
				t.Fatal(d)
			}
			data, err := fs.ReadFile(fsys, "a/c/y", 10)
			must(t, err)
			if string(data) != "hi" {
				t.Fatalf("read %q", data)
			}
			if _, err := fs.ReadFile(fsys, "a/c/y", 1); err == nil {
				t.Fatal("a file beyond the limit was read")
			}
			info, err := fsys.Stat("a/c")
			must(t, err)
			if !info.IsDir {
				t.Fatal("a folder is no folder")
			}
			must(t, fsys.RemoveAll("a"))
			must(t, fsys.RemoveAll("a"))
			_, err = fsys.Stat("a/c/y")
			if !errors.Is(err, iofs.ErrNotExist) {
				t.Fatalf("stat of a removed file: %v", err)
			}
		})
	}
}

func TestNamesStayInside(t *testing.T) {
	for name, fsys := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			for _, bad := range []string{"../x", "a/../../x", "/etc/passwd"} {
				if _, err := fsys.Create(bad); err == nil {
					t.Errorf("created %q", bad)
				}
			}
		})
	}
}

func TestLockIsExclusive(t *testing.T) {
	for name, fsys := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			l, err := fsys.Lock(".lock")
			must(t, err)
			if _, err := fsys.Lock(".lock"); !errors.Is(err, fs.ErrLocked) {
				t.Fatalf("second lock: %v", err)
			}
			must(t, l.Close())
			l, err = fsys.Lock(".lock")
			must(t, err)
			must(t, l.Close())
		})
	}
}

// TestCrash checks each outcome of one unsynced write, one unsynced name.
func TestCrash(t *testing.T) {
	m := fs.NewCrashMem()
	f, err := m.Create("synced")
	must(t, err)
	_, err = f.WriteAt([]byte("old!"), 0)
	must(t, err)
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	_, err = f.WriteAt([]byte("news"), 0)
	must(t, err)
	_, err = m.Create("unsynced")
	must(t, err)

	for _, c := range []struct {
		write, name int
		want        string
		names       []string
	}{
		{0, 0, "old!", []string{"synced"}},
		{1, 0, "news", []string{"synced"}},
		{2, 1, "ned!", []string{"synced", "unsynced"}},
	} {
		after := m.Crash(func(n int) int {
			if n == 3 {
				return c.write
			}
			return c.name
		})
		names, err := after.List(".")
		must(t, err)
		if d := cmp.Diff(c.names, names); d != "" {
			t.Error(d)
		}
		got, err := fs.ReadFile(after, "synced", 100)
		must(t, err)
		if string(got) != c.want {
			t.Errorf("choice %d left %q, want %q", c.write, got, c.want)
		}
	}
	must(t, f.Sync())
	got, err := fs.ReadFile(m.Crash(func(int) int { return 0 }), "synced", 100)
	must(t, err)
	if string(got) != "news" {
		t.Errorf("a synced write was lost: %q", got)
	}
}

func TestFaulty(t *testing.T) {
	f := fs.NewFaulty(fs.NewMem(), fs.FailNth(2, syscall.ENOSPC, fs.OpWrite))
	file, err := f.Create("x")
	must(t, err)
	_, err = file.WriteAt([]byte("aaaa"), 0)
	must(t, err)
	n, err := file.WriteAt([]byte("bbbb"), 4)
	if n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("second write: %d %v", n, err)
	}
	if err := file.Sync(); err != nil {
		t.Fatalf("a kind that was not named broke: %v", err)
	}
}

func TestSendTo(t *testing.T) {
	fsys, err := fs.NewOS(t.TempDir())
	must(t, err)
	f, err := fsys.Create("x")
	must(t, err)
	defer f.Close()
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	_, err = f.WriteAt(data, 0)
	must(t, err)
	s, ok := f.(fs.Sender)
	if !ok {
		t.Skip("no sendfile here")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	got := make(chan []byte)
	go func() {
		c, err := l.Accept()
		if err != nil {
			close(got)
			return
		}
		b, _ := io.ReadAll(c)
		c.Close()
		got <- b
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	n, err := s.SendTo(c.(*net.TCPConn), 7, int64(len(data))-10)
	must(t, err)
	must(t, c.Close())
	if b := <-got; n != int64(len(data))-10 || !bytes.Equal(b, data[7:len(data)-3]) {
		t.Fatalf("sent %d, received %d other bytes", n, len(b))
	}
	if _, err := s.SendTo(c.(*net.TCPConn), 0, 1); err == nil {
		t.Fatal("sent to a closed connection")
	}
}
