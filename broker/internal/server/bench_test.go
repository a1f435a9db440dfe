package server_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

// BenchmarkRequest is what the server itself costs: a request that is answered at once.
func BenchmarkRequest(b *testing.B) {
	for _, tcp := range []bool{true, false} {
		name := map[bool]string{true: "tcp", false: "memory"}[tcp]
		b.Run(name, func(b *testing.B) {
			s, err := server.New(server.Config{Routes: []server.Route{heartbeat()}, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			pipe := server.NewPipeListener("x:1")
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				done <- s.Serve(ctx, server.Listener{Name: "A", Net: pipe}, server.Listener{Name: "B", Net: l})
			}()
			defer func() {
				cancel()
				<-done
			}()
			nc, err := pipe.Dial(ctx, "x:1")
			if tcp {
				nc, err = net.Dial("tcp", l.Addr().String())
			}
			if err != nil {
				b.Fatal(err)
			}
			defer nc.Close()
			req := kmsg.NewRequestFormatter().AppendRequest(nil, heartbeatRequest(), 1)
			answer := make([]byte, 4+4+1+4+2+1)
			b.ReportAllocs()
			for b.Loop() {
				nc.Write(req)
				if _, err := io.ReadFull(nc, answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPipe carries 64 KiB writes through memory; net.Pipe is for comparison.
func BenchmarkPipe(b *testing.B) {
	run := func(name string, pair func() (net.Conn, net.Conn)) {
		b.Run(name, func(b *testing.B) {
			from, to := pair()
			const size = 64 << 10
			go func() {
				defer from.Close()
				buf := make([]byte, size)
				for range b.N {
					from.Write(buf)
				}
			}()
			b.SetBytes(size)
			b.ResetTimer()
			if n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{to}, make([]byte, size)); err != nil || n != int64(b.N)*size {
				b.Fatal(n, err)
			}
			to.Close()
		})
	}
	run("ours", func() (net.Conn, net.Conn) {
		l := server.NewPipeListener("x:1")
		got := make(chan net.Conn, 1)
		go func() {
			c, _ := l.Accept()
			got <- c
		}()
		c, err := l.Dial(context.Background(), "x:1")
		if err != nil {
			b.Fatal(err)
		}
		return c, <-got
	})
	run("net.Pipe", net.Pipe)
}
