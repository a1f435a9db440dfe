package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chortal/chortal/broker/internal/server"
)

// pair is a connection in memory.
func pair(t *testing.T) (client, remote net.Conn) {
	t.Helper()
	l := server.NewPipeListener("server:1")
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	client, err := l.Dial(context.Background(), "server:1")
	if err != nil {
		t.Fatal(err)
	}
	remote = <-accepted
	t.Cleanup(func() { client.Close(); remote.Close() })
	return client, remote
}

func TestPipeCarriesBytesInOrder(t *testing.T) {
	a, b := pair(t)
	r := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, 3<<20)
	for i := range want {
		want[i] = byte(r.Uint32())
	}
	go func() {
		for rest := want; len(rest) > 0; {
			n := min(len(rest), r.IntN(300<<10))
			if _, err := a.Write(rest[:n]); err != nil {
				t.Error(err)
				return
			}
			rest = rest[n:]
		}
		a.Close()
	}()
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(want), err)
	}
}

func TestPipeWriterWaitsForTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t)
		written := 0
		go func() {
			for {
				n, err := a.Write(make([]byte, 1000))
				if written += n; err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		if written > 256<<10 {
			t.Errorf("%d bytes went into nowhere", written)
		}
		b.Close() // lets the writer go
	})
}

func TestPipeDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t)
		began := time.Now()
		b.SetReadDeadline(began.Add(time.Second))
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		b.SetReadDeadline(time.Time{})
		a.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := a.Write(make([]byte, 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) || n != 256<<10 {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := b.Read(make([]byte, 10)); n != 10 || err != nil {
			t.Errorf("after the deadline was lifted: %d, %v", n, err)
		}
		go func() {
			time.Sleep(time.Second)
			b.SetDeadline(time.Unix(1, 0))
		}()
		io.CopyN(io.Discard, b, 256<<10-10)
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline in the past: %v", err)
		}
	})
}

func TestPipeClose(t *testing.T) {
	a, b := pair(t)
	a.Write([]byte("last words"))
	a.Close()
	if got, err := io.ReadAll(b); string(got) != "last words" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write to a closed end: %v", err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read from a closed end: %v", err)
	}
}

func TestPipeListenerCloses(t *testing.T) {
	l := server.NewPipeListener("x")
	l.Close()
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, err := l.Dial(context.Background(), "x"); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := server.NewPipeListener("y").Dial(ctx, "y"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
