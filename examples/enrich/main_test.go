package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chortal/chortal/streams/serde"
	"github.com/chortal/chortal/streams/streamstest"
)

// Customers move between sales: each sale gets the town of its moment.
func TestSalesGetTheTownOfTheirMoment(t *testing.T) {
	d, err := streamstest.New(topology(), streamstest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	clientes := streamstest.NewInput(d, "clientes", serde.String, serde.JSON[Cliente]())
	ventas := streamstest.NewInput(d, "ventas", serde.String, serde.JSON[Venta]())
	at := int64(0)
	must := func(err error) {
		t.Helper()
		at++
		if err != nil {
			t.Fatal(err)
		}
	}
	must(ventas.Pipe("caja-1", Venta{"pan", 0.85, "Ana"}, at))
	must(clientes.Pipe("Ana", Cliente{"Ávila"}, at))
	must(ventas.Pipe("caja-1", Venta{"café", 1.5, "Ana"}, at))
	must(ventas.Pipe("caja-2", Venta{"té", 2.25, "Luis"}, at))
	must(clientes.Pipe("Ana", Cliente{"Burgos"}, at))
	must(ventas.Pipe("caja-2", Venta{"queso", 7.8, "Ana"}, at))
	must(clientes.PipeNull("Ana", at))
	must(ventas.Pipe("caja-1", Venta{"leche", 1.1, "Ana"}, at))
	results, err := streamstest.NewOutput(d, "ventas-con-ciudad", serde.String, serde.JSON[VentaConCiudad]()).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%s %s %.2f %s\n", r.Key, r.Value.Que, r.Value.Precio, r.Value.Ciudad)
	}
	want, err := os.ReadFile("testdata/enriched.golden")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("sales are\n%swant\n%s", &b, want)
	}
}
