// Command chortal is the streaming platform in one binary: the broker, the SQL
// server and the tools that speak to them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	t := terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	code, isScript := runScript(ctx, os.Args[0], os.Args[1:], t)
	if !isScript {
		code = run(ctx, os.Args[1:], t)
	}
	stop()
	os.Exit(code)
}
