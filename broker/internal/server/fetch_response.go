package server

import (
	"io"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Slice is a run of whole record batches that stays where it is, in a file or in the tail cache, until it goes to the
// socket. Release is called exactly once, after the last use. If a Slice also has a method
// AppendBuffers(dst [][]byte) [][]byte, its bytes lie in memory and leave by the same writev as the rest of the answer.
type Slice interface {
	io.WriterTo
	Len() int64
	Release()
}

// FetchResponse is a Fetch answer whose record batches are Slices instead of bytes. It serves as the P of a route:
//
//	OnDeferred(4, 18, func(ctx context.Context, c *Conn, req *kmsg.FetchRequest, reply func(*FetchResponse, error))
//
// Records runs parallel to Topics and their Partitions: Records[i][j] holds the batches of Topics[i].Partitions[j]. It
// may be shorter than the response, and a nil Slice is an empty record set; the field RecordBatches is used where there is no
// Slice. The server releases every Slice, written or not.
type FetchResponse struct {
	kmsg.FetchResponse
	Records [][]Slice
}

// NewFetchResponse returns an empty answer with kmsg's defaults.
func NewFetchResponse() *FetchResponse {
	return &FetchResponse{FetchResponse: kmsg.NewFetchResponse()}
}

// Release frees all slices of an answer that is not handed to the server.
func (f *FetchResponse) Release() {
	for _, topic := range f.Records {
		for i, s := range topic {
			if s != nil {
				s.Release()
				topic[i] = nil
			}
		}
	}
}
