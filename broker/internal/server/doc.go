// Package server owns the sockets of the broker: listeners, connections, the order of answers, back-pressure and
// limits.
//
// A Server is built from a table of routes, one for each Kafka API. For every connection there is one reader
// goroutine. It reads a frame (its size is checked before a byte is allocated), lets package wire walk the body,
// decodes it and calls the route. Answers leave in the order of the requests. A connection starts its next request
// when the last one was answered, except that Produce requests follow each other without waiting, because their
// answers only wait for the disk. A writer goroutine exists only while answers that came late are queued; what is
// answered at once is written by the reader itself, all in one writev.
//
// What a client may use is bounded everywhere: the size of a frame, the bytes of all requests in flight, the
// decoded size of a request, connections in total and for each address, queued answers, the time a peer may leave
// us waiting. At a bound the server stops reading, so TCP slows the client down.
//
// A panic in a handler closes the connection that caused it, is counted and logged; the others never notice.
package server
