// Package wire stands between the socket and kmsg. It parses the head of a request frame and walks the body of every
// request before kmsg decodes it.
//
// The walk is needed because kmsg's decoder trusts two kinds of numbers that a client chooses. It loops over tagged
// fields as often as the frame says, so that a frame of 21 bytes keeps a core busy for seconds; and it makes an array
// of structures for each claimed element, so that a megabyte of frame becomes fifty of memory. The guard knows the
// shape of each request in each version (table.go is generated from Kafka's message definitions) and refuses a frame
// whose counts cannot be true for the bytes that remain. It also says how much memory the decoded request will take,
// so that the server can hold the frame back until there is room.
//
// The layout of a frame:
//
//	size           int32    bytes that follow
//	api key        int16
//	api version    int16
//	correlation id int32
//	client id      nullable string (int16 length)    header versions 1 and 2
//	tagged fields                                    header version 2, of flexible requests
//	body
//
// The package imports nothing of ours and nothing of franz-go.
package wire
