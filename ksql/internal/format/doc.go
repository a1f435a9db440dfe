// Package format turns the bytes of record keys and values into rows and back: JSON, DELIMITED, KAFKA and NONE.
//
// A Decoder is compiled from the columns of one side (key or value) and writes only those that the query needs straight into
// slots of the row; an Encoder does the reverse. Both hold no state between records apart from scratch memory, so each goroutine
// needs its own. Errors name the column and the reason; no input makes them panic, loop or use memory beyond a small
// multiple of its size.
package format
