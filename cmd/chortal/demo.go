package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chortal/chortal/internal/ventas"
	"github.com/chortal/chortal/ksql/client"
	"github.com/spf13/cobra"
)

// The demo's statements. A short grace would rightly drop late sales: the
// partitions of the repartition topic are not read in step.
const (
	demoStream = `CREATE STREAM ventas (que VARCHAR, precio DOUBLE, a_quien VARCHAR, dia VARCHAR)
  WITH (KAFKA_TOPIC='ventas', VALUE_FORMAT='JSON', TIMESTAMP='dia', TIMESTAMP_FORMAT='yyyy-MM-dd');`
	demoTable = `CREATE TABLE ventas_por_dia AS
  SELECT que, SUM(precio) AS total, COUNT(*) AS n
  FROM ventas WINDOW TUMBLING (SIZE 1 DAY, RETENTION 100 DAYS, GRACE PERIOD 90 DAYS)
  GROUP BY que;`
	demoQuery = `SELECT que, WINDOWSTART AS dia, total, n FROM ventas_por_dia EMIT CHANGES;`
)

// demoWithin bounds the demo: it has found its totals by then, or something is wrong.
const demoWithin = 3 * time.Minute

func newDemo(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "demo",
		Short: "Sales per product per day, live, in a few seconds",
		Long: `Start the embedded broker and the SQL server in a temporary folder, load the
sample sales into a topic, and aggregate them per product per day with a SQL
statement. Prints the table while it grows and at its end one line per product:
its name and the sum of its prices over all days.`,
		Example: `  chortal demo
  chortal demo -q      # only the totals`,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := s.demo(c.Context())
			return err
		},
	}
	return c
}

// demo runs it all, and returns what it found.
func (s *settings) demo(ctx context.Context) (*demo, error) {
	dir, err := os.MkdirTemp("", "chortal-demo-")
	if err != nil {
		return nil, fmt.Errorf("temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	properties := fmt.Sprintf("log.dirs=%s/log\nstate.dir=%s/state\nlisteners=PLAINTEXT://127.0.0.1:0\nsql.listeners=http://127.0.0.1:0\nadmin.listeners=\n"+
		"group.initial.rebalance.delay.ms=0\n", escapeProperty(dir), escapeProperty(dir))
	cfg, err := s.readServer(strings.NewReader(properties), true)
	if err != nil {
		return nil, err
	}
	if !s.verbose {
		cfg.logger = slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, demoWithin, fmt.Errorf("the totals were not complete within %s", demoWithin))
	defer cancel()
	var (
		d        *demo
		outcome  error
		finished bool
	)
	err = s.serveNode(ctx, cfg, func(n *node) {
		d = &demo{settings: s, node: n, windows: map[demoWindow]demoTotal{}}
		outcome = d.run(ctx)
		finished = true
		cancel()
	})
	switch {
	case err != nil:
		return d, errors.Join(err, outcome)
	case finished:
		return d, outcome
	}
	return d, context.Cause(ctx)
}

// demo is one run: the table's latest rows, and how far it is.
type demo struct {
	*settings
	node    *node
	windows map[demoWindow]demoTotal
	counted int // sales in the table
	lines   int // drawn by the last picture
}

type demoWindow struct {
	product string
	start   int64 // ms since 1970
}

type demoTotal struct {
	sum   float64
	sales int
}

func (d *demo) run(ctx context.Context) error {
	d.say("broker on %s, SQL server on %s, ready in %s\n", d.node.kafkaAddr(), d.node.sqlURL(), time.Since(d.node.began).Round(time.Millisecond))
	cl, err := d.node.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	began := time.Now()
	if _, err := loadSample(ctx, cl); err != nil {
		return err
	}
	want, err := validSales()
	if err != nil {
		return err
	}
	d.say("%d sales are in topic %s (%d of them no JSON), %s\n", ventas.SampleSales, demoTopic, ventas.SampleSales-want, time.Since(began).Round(time.Millisecond))
	sql, err := client.New(client.Config{URL: d.node.sqlURL()})
	if err != nil {
		return err
	}
	defer sql.Close()
	earliest := client.Options{Properties: map[string]string{"auto.offset.reset": "earliest"}}
	for _, statement := range []string{demoStream, demoTable} {
		d.say("\nsql> %s\n", statement)
		if _, err := sql.Execute(ctx, statement, earliest); err != nil {
			return err
		}
	}
	d.say("\nsql> %s\n\n", demoQuery)
	if err := d.watch(ctx, sql, earliest, want); err != nil {
		return err
	}
	d.say("\n%d sales in %d windows, %s after the first statement. Totals per product:\n\n", d.counted, len(d.windows), time.Since(began).Round(time.Millisecond))
	for _, p := range d.totals() {
		fmt.Fprintf(d.out, "%s %s\n", p.product, money(p.sum))
	}
	return nil
}

// say prints what leads to the totals; -q leaves it out.
func (d *demo) say(format string, args ...any) {
	if !d.quiet {
		fmt.Fprintf(d.out, format, args...)
	}
}

// validSales counts the lines of the sample that are sales.
func validSales() (int, error) {
	lines, err := sampleLines()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, line := range lines {
		if json.Valid(line) {
			n++
		}
	}
	return n, nil
}

// watch follows the table until it holds every sale.
func (d *demo) watch(ctx context.Context, sql *client.Client, opts client.Options, want int) error {
	rows, err := sql.Query(ctx, demoQuery, opts)
	if err != nil {
		return err
	}
	defer rows.Close()
	drawn := time.Now()
	for d.counted < want && rows.Next() {
		if err := d.update(rows.Row()); err != nil {
			return err
		}
		if time.Since(drawn) > 100*time.Millisecond && isTerminal(d.out) {
			d.draw()
			drawn = time.Now()
		}
	}
	if d.counted < want {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return cmp.Or(rows.Err(), fmt.Errorf("the query ended after %d of %d sales", d.counted, want))
	}
	d.draw()
	return nil
}

// update takes in one row: a window's new total.
func (d *demo) update(row []any) error {
	if len(row) != 4 {
		return fmt.Errorf("a row of %d columns instead of 4: %v", len(row), row)
	}
	product, _ := row[0].(string)
	start, err1 := number(row[1]).Int64()
	sum, err2 := number(row[2]).Float64()
	sales, err3 := number(row[3]).Int64()
	if err := cmp.Or(err1, err2, err3); err != nil || product == "" {
		return fmt.Errorf("row %v: %w", row, cmp.Or(err, errors.New("no product")))
	}
	w := demoWindow{product, start}
	d.counted += int(sales) - d.windows[w].sales
	d.windows[w] = demoTotal{sum, int(sales)}
	return nil
}

func number(v any) json.Number {
	n, _ := v.(json.Number)
	return n
}

type productTotal struct {
	product string
	days    int
	demoTotal
}

// totals adds up the days of each product, in the order of their names.
func (d *demo) totals() []productTotal {
	byProduct := map[string]*productTotal{}
	for _, w := range slices.SortedFunc(maps.Keys(d.windows), func(a, b demoWindow) int { return cmp.Compare(a.start, b.start) }) {
		p := byProduct[w.product]
		if p == nil {
			p = &productTotal{product: w.product}
			byProduct[w.product] = p
		}
		p.days++
		p.sum += d.windows[w].sum
		p.sales += d.windows[w].sales
	}
	var all []productTotal
	for _, name := range slices.Sorted(maps.Keys(byProduct)) {
		all = append(all, *byProduct[name])
	}
	return all
}

// draw prints the table: the last days of every product and its sum so far. On
// a terminal it takes the place of the picture before.
func (d *demo) draw() {
	if d.quiet {
		return
	}
	days := d.lastDays(4)
	var b strings.Builder
	if d.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", d.lines)
	}
	fmt.Fprintf(&b, "%-10s", "QUE")
	for _, day := range days {
		fmt.Fprintf(&b, " %12s", time.UnixMilli(day).UTC().Format(time.DateOnly))
	}
	fmt.Fprintf(&b, " %6s %8s %12s\n", "DAYS", "SALES", "TOTAL")
	all := d.totals()
	for _, p := range all {
		fmt.Fprintf(&b, "%-10s", p.product)
		for _, day := range days {
			fmt.Fprintf(&b, " %12s", money(d.windows[demoWindow{p.product, day}].sum))
		}
		fmt.Fprintf(&b, " %6d %8d %12s\n", p.days, p.sales, money(p.sum))
	}
	d.lines = len(all) + 1
	fmt.Fprint(d.out, b.String())
}

// lastDays are the latest n window starts.
func (d *demo) lastDays(n int) []int64 {
	days := map[int64]bool{}
	for w := range d.windows {
		days[w.start] = true
	}
	sorted := slices.Sorted(maps.Keys(days))
	return sorted[max(0, len(sorted)-n):]
}

// money writes an amount with at most two decimals.
func money(v float64) string {
	text := fmt.Sprintf("%.2f", v)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
