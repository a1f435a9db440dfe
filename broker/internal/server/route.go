package server

import (
	"context"
	"fmt"
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Route is one row of the API table: a Kafka API, the versions of it that are served, and the function that answers.
// Make one with On or OnDeferred.
type Route struct {
	key      int16
	min, max int16
	request  func() kmsg.Request
	serve    serveFunc
}

// serveFunc starts a request. It calls reply once, from any goroutine, now or later.
type serveFunc func(ctx context.Context, c *Conn, req kmsg.Request, reply func(kmsg.Response, error))

// Key is the API key of the route.
func (r Route) Key() int16 { return r.key }

// Versions are the lowest and the highest version that the route serves.
func (r Route) Versions() (lowest, highest int16) { return r.min, r.max }

// Name is the name of the API as Kafka's protocol spells it.
func (r Route) Name() string { return kmsg.NameForKey(r.key) }

// On makes the route of an API that is answered when fn returns. Q is a request of kmsg, P its response, and min and
// max are the versions served. The version of the response is set by the server.
//
// Strings of the request may be kept. Byte slices alias the frame: they may be kept as well, except for Produce and
// Fetch, whose frames go back to a pool when the answer is given.
//
// ctx ends when the connection ends or the server drains. An error closes the connection: it is meant for what the
// protocol has no error code for.
func On[Q kmsg.Request, P kmsg.Response](min, max int16, fn func(context.Context, *Conn, Q) (P, error)) Route {
	return newRoute[Q](min, max, func(ctx context.Context, c *Conn, req kmsg.Request, reply func(kmsg.Response, error)) {
		resp, err := fn(ctx, c, req.(Q))
		if err != nil {
			reply(nil, err)
			return
		}
		reply(resp, nil)
	})
}

// OnDeferred makes the route of an API whose answer may come later: fn returns at once and calls reply exactly once,
// from any goroutine. A second call is ignored. The rest is as in On. A Produce request with acks=0 is answered as
// well: the server sends nothing for it, and closes the connection when a partition has an error, as Kafka does, so
// that the client looks for new metadata.
func OnDeferred[Q kmsg.Request, P kmsg.Response](min, max int16, fn func(ctx context.Context, c *Conn, req Q, reply func(P, error))) Route {
	return newRoute[Q](min, max, func(ctx context.Context, c *Conn, req kmsg.Request, reply func(kmsg.Response, error)) {
		fn(ctx, c, req.(Q), func(resp P, err error) {
			if err != nil {
				reply(nil, err)
				return
			}
			reply(resp, nil)
		})
	})
}

// Guard is called with a request before its route is. It calls next, with this request or with what it leaves of it, or
// answers itself. It may change the answer that next gives, and calls reply once.
type Guard func(c *Conn, req kmsg.Request, next func(kmsg.Request, func(kmsg.Response, error)), reply func(kmsg.Response, error))

// Guarded returns the route with a guard before it.
func (r Route) Guarded(g Guard) Route {
	serve := r.serve
	r.serve = func(ctx context.Context, c *Conn, req kmsg.Request, reply func(kmsg.Response, error)) {
		g(c, req, func(req kmsg.Request, reply func(kmsg.Response, error)) { serve(ctx, c, req, reply) }, reply)
	}
	return r
}

// The keys that the server knows by heart.
const (
	produceKey     = int16(kmsg.Produce)
	fetchKey       = int16(kmsg.Fetch)
	joinGroupKey   = int16(kmsg.JoinGroup)
	syncGroupKey   = int16(kmsg.SyncGroup)
	apiVersionsKey = int16(kmsg.ApiVersions)
	shareFetchKey  = int16(kmsg.ShareFetch)
)

// pipelined tells whether requests of this API start before earlier ones of the same API are answered.
func (r *Route) pipelined() bool { return r.key == produceKey }

// recycles tells whether the frame goes back to the pool: no handler keeps bytes of these requests.
func (r *Route) recycles() bool { return r.key == produceKey || r.key == fetchKey }

// waits tells whether an answer may wait for an event for long, so that a drain need not wait for it.
func (r *Route) waits() bool {
	return r.key == fetchKey || r.key == joinGroupKey || r.key == syncGroupKey || r.key == shareFetchKey
}

func newRoute[Q kmsg.Request](min, max int16, serve serveFunc) Route {
	kind := reflect.TypeFor[Q]().Elem()
	request := func() kmsg.Request { return reflect.New(kind).Interface().(Q) }
	key := request().Key()
	if made := kmsg.RequestForKey(key); made != nil && reflect.TypeOf(made).Elem() == kind {
		request = func() kmsg.Request { return kmsg.RequestForKey(key) }
	}
	if min < 0 || max < min {
		panic(fmt.Sprintf("route of API %d: versions %d to %d", key, min, max))
	}
	return Route{key: key, min: min, max: max, request: request, serve: serve}
}
