package recordbatch_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/chortal/chortal/internal/recordbatch"
)

func BenchmarkValidate(b *testing.B) {
	batch := build(b, recordbatch.Options{}, rec{Value: make([]byte, 64<<10)})
	b.SetBytes(int64(len(batch)))
	for b.Loop() {
		if err := recordbatch.Validate(batch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	value := bytes.Repeat([]byte(`{"que":"té"}`), 10)
	for _, c := range codecs {
		b.Run(c.String(), func(b *testing.B) {
			builder := recordbatch.NewBuilder(recordbatch.Options{Codec: c})
			b.ReportAllocs()
			for b.Loop() {
				builder.Reset(recordbatch.Options{Codec: c})
				for i := range 100 {
					builder.Append(int64(i), nil, value)
				}
				if _, err := builder.Build(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/record")
		})
	}
}

func BenchmarkRecords(b *testing.B) {
	var recs []rec
	for i := range 100 {
		recs = append(recs, rec{TS: int64(i), Key: fmt.Append(nil, i), Value: bytes.Repeat([]byte(`{"que":"té"}`), 10)})
	}
	for _, c := range codecs {
		b.Run(c.String(), func(b *testing.B) {
			batch := build(b, recordbatch.Options{Codec: c}, recs...)
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range batch.Records(0) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/record")
		})
	}
}
