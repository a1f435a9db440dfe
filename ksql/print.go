package ksql

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/types"
)

func millis(ms int64) time.Time { return time.UnixMilli(ms) }

// print reads a topic and shows its records in the formats that their bytes suggest.
func (e *Engine) print(ctx context.Context, st *ast.Print) (*Rows, error) {
	_, ok, err := e.cluster.topic(ctx, st.Topic)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, api.Errorf("Could not find topic '%s', or the KSQL user does not have permissions to list the topic. Topic names are case-sensitive.", st.Topic)
	}
	start, end, err := e.cluster.bounds(ctx, st.Topic)
	if err != nil {
		return nil, err
	}
	from := end
	if st.FromBeginning {
		from = start
	}
	client, err := e.cluster.reader(st.Topic, from)
	if err != nil {
		return nil, err
	}
	queue := make(chan types.Row, pushBuffer)
	rows := &Rows{columns: []string{"line"}, types: []types.Type{types.String}, print: true, queue: queue, closed: make(chan struct{})}
	id := "print_" + st.Topic + "_" + strconv.FormatInt(e.transient.Add(1), 10)
	if err := e.admitPush(id, rows); err != nil {
		client.Close()
		return nil, err
	}
	runCtx, cancel := context.WithCancel(e.runCtx)
	stop := context.AfterFunc(ctx, cancel)
	ended := make(chan struct{})
	rows.onClose = func() { cancel(); <-ended }
	p := &printer{st: st, queue: queue, every: 1, limit: -1}
	if st.Interval != nil {
		p.every = max(1, *st.Interval)
	}
	if st.Limit != nil {
		p.limit = *st.Limit
	}
	rows.finish = func() (string, error) { return "", p.err }
	e.work.Go(func() {
		defer close(ended)
		defer cancel()
		defer stop()
		defer client.Close()
		defer e.dropPush(id)
		defer close(queue)
		p.run(runCtx, client)
	})
	return rows, nil
}

type printer struct {
	st         *ast.Print
	queue      chan<- types.Row
	every      int64
	limit      int64
	seen       int64
	shown      int64
	key, value guess
	err        error
}

func (p *printer) run(ctx context.Context, client *kgo.Client) {
	for p.limit < 0 || p.shown < p.limit {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		if err := fetchError(fetches); err != nil {
			p.err = &Error{Code: CodeServerError, Message: "Cannot read topic " + p.st.Topic + ": " + err.Error(), Cause: err}
			return
		}
		for iter := fetches.RecordIter(); !iter.Done(); {
			if !p.record(ctx, iter.Next()) {
				return
			}
		}
	}
}

// record shows one record; false ends.
func (p *printer) record(ctx context.Context, r *kgo.Record) bool {
	p.seen++
	if (p.seen-1)%p.every != 0 {
		return true
	}
	if p.limit >= 0 && p.shown >= p.limit {
		return false
	}
	p.shown++
	for _, g := range []struct {
		name string
		g    *guess
		b    []byte
	}{{"Key", &p.key, r.Key}, {"Value", &p.value, r.Value}} {
		if g.g.add(g.b) && !p.send(ctx, g.name+" format: "+g.g.text()) {
			return false
		}
	}
	line := fmt.Sprintf("rowtime: %s, key: %s, value: %s, partition: %d",
		r.Timestamp.UTC().Format("2006/01/02 15:04:05.000 Z07:00"), p.key.show(r.Key), p.value.show(r.Value), r.Partition)
	return p.send(ctx, line)
}

func (p *printer) send(ctx context.Context, line string) bool {
	select {
	case p.queue <- text(line):
		return true
	case <-ctx.Done():
		return false
	}
}

// guess finds the format of bytes: the most special one that all records so far could have.
type guess struct {
	format string
}

// The guesses, from special to general.
const (
	guessInt     = "KAFKA_INT"
	guessBigint  = "KAFKA_BIGINT or KAFKA_DOUBLE"
	guessJSON    = "JSON or KAFKA_STRING"
	guessString  = "KAFKA_STRING"
	guessUnknown = "UNRECOGNIZED_BYTES"
)

// add considers the bytes of a record and reports whether the guess is new.
func (g *guess) add(b []byte) bool {
	if b == nil {
		return false
	}
	f := guessOf(b)
	if f == g.format || g.format == guessUnknown || g.format == guessString && f == guessJSON {
		return false
	}
	if g.format != "" && !(g.format == guessJSON && f == guessString) {
		f = guessUnknown
	}
	changed := f != g.format
	g.format = f
	return changed
}

func guessOf(b []byte) string {
	printable := utf8.Valid(b)
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			printable = false
		}
	}
	switch {
	case len(b) > 0 && json.Valid(b) && printable:
		return guessJSON
	case printable:
		return guessString
	case len(b) == 4:
		return guessInt
	case len(b) == 8:
		return guessBigint
	}
	return guessUnknown
}

func (g *guess) text() string { return g.format }

// show writes the bytes in the format that was guessed.
func (g *guess) show(b []byte) string {
	switch {
	case b == nil:
		return "<null>"
	case g.format == guessInt && len(b) == 4:
		return strconv.Itoa(int(int32(binary.BigEndian.Uint32(b))))
	case g.format == guessBigint && len(b) == 8:
		n := int64(binary.BigEndian.Uint64(b))
		if f := math.Float64frombits(uint64(n)); math.Abs(f) > 1e-9 && math.Abs(f) < 1e15 {
			return types.JavaDouble(f)
		}
		return strconv.FormatInt(n, 10)
	case g.format == guessUnknown && !utf8.Valid(b):
		return fmt.Sprintf("%x", b)
	}
	return string(b)
}
