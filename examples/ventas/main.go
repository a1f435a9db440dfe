// Command ventas answers the first question about a shop: what was sold of each
// product on each day, and for how much.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// Venta is one sale of topic ventas.
type Venta struct {
	Que    string  `json:"que"`
	Precio float64 `json:"precio"`
	AQuien string  `json:"a_quien"`
	Dia    string  `json:"dia"`
}

// Total is a product's day.
type Total struct {
	N       int64   `json:"n"`
	Importe float64 `json:"importe"`
}

// topology reads topic ventas and keeps topic ventas-por-dia up to date.
func topology() *processor.Topology {
	b := streams.NewBuilder()
	ventas := streams.From(b, "ventas", serde.String, serde.JSON[Venta](), streams.Timestamps(dia))
	porProducto := streams.GroupBy(ventas, func(_ string, v Venta) string { return v.Que }, serde.String)
	totales := streams.Aggregate(
		streams.Window(porProducto, streams.Tumbling(24*time.Hour).Grace(90*24*time.Hour)),
		func() Total { return Total{} },
		func(_ string, v Venta, t Total) Total { t.N++; t.Importe += v.Precio; return t },
		streams.Store("ventas-por-dia", serde.JSON[Total]()),
	)
	totales.ToStream().To("ventas-por-dia")
	return b.Build()
}

// dia makes the day of a sale its timestamp, so that it is counted where it belongs.
func dia(r *processor.Record[string, Venta], _ processor.RecordMetadata, _ int64) (int64, error) {
	t, err := time.Parse(time.DateOnly, r.Value.Dia)
	return t.UnixMilli(), err
}

func main() {
	brokers := flag.String("brokers", "127.0.0.1:9092", "brokers as host:port, comma separated")
	flag.Parse()
	app, err := streams.New(topology(), streams.Config{
		ApplicationID: "resumen",
		Brokers:       strings.Split(*brokers, ","),
		// A line that is no sale is logged and counted, and does not stop the others.
		Deserialization: streams.LogAndContinue,
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := app.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
