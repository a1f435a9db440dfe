// Command enrich adds the customer's town to every sale: a stream joined with a table.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"strings"

	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// Venta is one sale of topic ventas.
type Venta struct {
	Que    string  `json:"que"`
	Precio float64 `json:"precio"`
	AQuien string  `json:"a_quien"`
}

// Cliente is a customer of topic clientes, under the customer's name.
type Cliente struct {
	Ciudad string `json:"ciudad"`
}

// VentaConCiudad is a sale and where it went; the town of a customer that
// nobody knows is empty.
type VentaConCiudad struct {
	Venta
	Ciudad string `json:"ciudad"`
}

// topology joins ventas with clientes into ventas-con-ciudad.
func topology() *processor.Topology {
	b := streams.NewBuilder()
	clientes := streams.TableFrom(b, "clientes", serde.String, serde.JSON[Cliente]())
	ventas := streams.From(b, "ventas", serde.String, serde.JSON[Venta]())
	porCliente := streams.Rekey(ventas, func(_ string, v Venta) string { return v.AQuien })
	streams.LeftJoin(porCliente, clientes, func(_ string, v Venta, c *Cliente) VentaConCiudad {
		if c == nil {
			return VentaConCiudad{Venta: v}
		}
		return VentaConCiudad{Venta: v, Ciudad: c.Ciudad}
	}).To("ventas-con-ciudad", streams.ValueSerde(serde.JSON[VentaConCiudad]()))
	return b.Build()
}

func main() {
	brokers := flag.String("brokers", "127.0.0.1:9092", "brokers as host:port, comma separated")
	flag.Parse()
	app, err := streams.New(topology(), streams.Config{
		ApplicationID: "enrich",
		Brokers:       strings.Split(*brokers, ","),
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
