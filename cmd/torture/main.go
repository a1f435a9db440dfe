// Command torture loads a broker, breaks it and judges what it did: see package torture.
//
//	torture run -profile FILE (-bin CHORTAL | -target FILE | -addr HOST:PORT) [-seed N] [-budget D] [-history FILE] [-keep]
//	torture check HISTORY
//
// The last line is the figure; the exit status is 1 if there was an anomaly, 2 if the run itself failed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/chortal/chortal/internal/torture"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	found, err := command(ctx, os.Args[1:])
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(2)
	case found:
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) (found bool, err error) {
	switch {
	case len(args) > 0 && args[0] == "run":
		return run(ctx, args[1:])
	case len(args) == 2 && args[0] == "check":
		return check(args[1])
	}
	return false, errors.New("usage: torture run -profile FILE (-bin CHORTAL | -target FILE | -addr HOST:PORT) ... | torture check HISTORY")
}

func run(ctx context.Context, args []string) (found bool, err error) {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	profileFile := flags.String("profile", "", "the profile, JSON")
	targetFile := flags.String("target", "", "the broker's description, JSON")
	bin := flags.String("bin", "", "a chortal program to start, in place of -target")
	addr := flags.String("addr", "", "a broker that runs already, in place of -target")
	seed := flags.Uint64("seed", 0, "in place of the profile's; 0: of the clock, if the profile has none either")
	budget := flags.Duration("budget", 0, "in place of the profile's")
	history := flags.String("history", "", "file for the history, written ahead")
	keep := flags.Bool("keep", false, "keep the files also after a run without anomalies")
	verbose := flags.Bool("v", false, "tell what happens")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	profile, err := torture.Profile{}, error(nil)
	if err := read(*profileFile, func(r io.Reader) (err error) { profile, err = torture.ReadProfile(r); return err }); err != nil {
		return false, err
	}
	if *seed != 0 {
		profile.Seed = *seed
	}
	if profile.Seed == 0 {
		profile.Seed = uint64(time.Now().UnixNano() % 1e9)
	}
	if *budget != 0 {
		profile.Budget = torture.Duration(*budget)
	}
	target := torture.Target{Addr: *addr}
	switch {
	case *bin != "":
		target = torture.Chortal(*bin)
	case *targetFile != "":
		if err := read(*targetFile, func(r io.Reader) error { return json.NewDecoder(r).Decode(&target) }); err != nil {
			return false, err
		}
	}
	o := torture.Options{Keep: *keep}
	if *verbose {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if *history != "" {
		f, err := os.Create(*history)
		if err != nil {
			return false, err
		}
		defer f.Close()
		o.History = f
	}
	fmt.Println("seed", profile.Seed)
	report, err := torture.Run(ctx, target, profile, o)
	if err != nil {
		return false, err
	}
	tell(report.Anomalies)
	if len(report.Anomalies) > 0 || *keep {
		fmt.Println("files", report.Dir)
	}
	fmt.Println(report)
	return len(report.Anomalies) > 0, nil
}

func check(file string) (found bool, err error) {
	var history torture.History
	if err := read(file, func(r io.Reader) (err error) { history, err = torture.ReadHistory(r); return err }); err != nil {
		return false, err
	}
	anomalies := torture.Check(history)
	tell(anomalies)
	fmt.Printf("events=%d anomalies=%d\n", len(history.Events), len(anomalies))
	return len(anomalies) > 0, nil
}

func tell(anomalies []torture.Anomaly) {
	for _, a := range anomalies {
		fmt.Println(a)
	}
}

func read(name string, decode func(io.Reader) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return decode(f)
}
