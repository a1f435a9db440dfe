// Package broker embeds a broker that speaks the Kafka protocol in a Go program.
//
//	b, err := broker.New(broker.Config{LogDirs: []string{"data"}, Listeners: []string{"127.0.0.1:0"}})
//	...
//	go func() { done <- b.Run(ctx) }()
//	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
//
// Any Kafka client connects to Addrs over TCP. A client in the same process may leave the network out: with
// kgo.Dialer(b.Dialer()) the same bytes go through memory, and then the broker needs no listener at all.
//
// The zero Config is a broker on 127.0.0.1:9092 with Kafka's defaults, whose files lie in chortal-data. ParseProperties
// reads Kafka's server.properties.
package broker

//go:generate go run ./internal/docgen -o ../docs
