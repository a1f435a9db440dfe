package ksql_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chortal/chortal/internal/testcluster"
	"github.com/chortal/chortal/ksql"
)

// BenchmarkPullQuery is a pull query by key in process: parse cache, plan, store, row.
func BenchmarkPullQuery(b *testing.B) {
	cl := testcluster.Start(b, testcluster.Config{})
	e := start(b, cl, nil)
	e.exec(ventas)
	for i := range 100 {
		e.sell(fmt.Sprintf("p%d", i), 1, "2026-03-02")
	}
	e.waitFor("SELECT que FROM totales;", 100)
	ctx := context.Background()
	b.ResetTimer()
	for b.Loop() {
		rows, err := e.Query(ctx, "SELECT que, total FROM totales WHERE que = 'p42';", ksql.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if !rows.Next(ctx) {
			b.Fatal("no row")
		}
		rows.Close()
	}
}

func (e *engine) waitFor(sql string, n int) {
	e.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, err := e.tryRows(sql, -1); err == nil && len(got) == n {
			return
		}
	}
	e.t.Fatalf("%s has not %d rows", sql, n)
}
