package testcluster

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/chortal/chortal/broker"
)

// nodeEnv names the properties file of a process that is a broker instead of a test.
const nodeEnv = "CHORTAL_TESTCLUSTER_NODE"

// NodeMain is called first by the TestMain of a package that uses StartProcess. In the process that StartProcess starts
// it runs the broker and does not return; elsewhere it does nothing.
func NodeMain() {
	file := os.Getenv(nodeEnv)
	if file == "" {
		return
	}
	if err := runNode(file); err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runNode runs a broker until SIGTERM. It prints a line that begins with "ready" when it serves.
func runNode(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	config, _, err := broker.ParseProperties(f)
	if err != nil {
		return err
	}
	config.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
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
