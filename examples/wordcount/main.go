// Command wordcount counts the words of topic lines into topic words.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"strings"
	"unicode"

	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// topology splits lines into words and counts each.
func topology() *processor.Topology {
	b := streams.NewBuilder()
	lines := streams.From(b, "lines", serde.String, serde.String)
	words := streams.FlatMapValues(lines, func(line string) []string {
		return strings.FieldsFunc(strings.ToLower(line), func(r rune) bool { return !unicode.IsLetter(r) })
	})
	counts := streams.GroupBy(words, func(_, word string) string { return word }, serde.String).Count(streams.StoreName("words"))
	counts.ToStream().To("words")
	return b.Build()
}

func main() {
	brokers := flag.String("brokers", "127.0.0.1:9092", "brokers as host:port, comma separated")
	flag.Parse()
	app, err := streams.New(topology(), streams.Config{
		ApplicationID: "wordcount",
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
