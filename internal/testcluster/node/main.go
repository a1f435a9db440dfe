// Command node is the broker that testcluster runs as a process of its own: it reads a properties file and prints a line
// that begins with "ready" when it serves.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/chortal/chortal/broker"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: node FILE")
	}
	f, err := os.Open(os.Args[1])
	if err != nil {
		return err
	}
	defer f.Close()
	config, _, err := broker.ParseProperties(f)
	if err != nil {
		return err
	}
	b, err := broker.New(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	select {
	case <-b.Ready():
		fmt.Println("ready", b.Addrs()[0])
		return <-done
	case err := <-done:
		return err
	}
}
