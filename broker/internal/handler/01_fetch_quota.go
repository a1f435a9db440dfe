package handler

import (
	"time"

	"github.com/chortal/chortal/broker/internal/server"
)

// What quotas do to a fetch: a client that is over its quota of bytes or of time gets an answer without partitions,
// and its session stays as if it had not asked.

// Sizes of an answer beside its records, about.
const (
	fetchEnvelopeBytes  = 32
	fetchPartitionBytes = 48
)

// capByQuota keeps the fetch from reading what could never be answered without a wait.
func (f *fetch) capByQuota() {
	if !f.h.quotas.Enabled() {
		return
	}
	if most, limited := f.h.quotas.FetchLimit(f.conn.Principal(), f.conn.ClientID()); limited && most < float64(f.maxBytes) {
		f.maxBytes = int32(most)
		f.minBytes = min(f.minBytes, int64(f.maxBytes))
	}
}

// throttle charges the client for what was read, and returns how long it has to wait instead.
func (f *fetch) throttle() time.Duration {
	if !f.h.quotas.Enabled() {
		return 0
	}
	return f.h.quotas.Fetched(f.conn.Principal(), f.conn.ClientID(), f.size(), time.Since(f.began))
}

// size is how many bytes the answer has, about.
func (f *fetch) size() int64 {
	n := int64(fetchEnvelopeBytes)
	for i := range f.parts {
		p := &f.parts[i]
		read := int64(0)
		if p.result.Slice != nil {
			read = p.result.Slice.Len()
		}
		if read > 0 || p.err != nil || f.session.session == nil { // a session leaves out what has no news
			n += fetchPartitionBytes + read
		}
	}
	return n
}

func (f *fetch) answerThrottled(wait time.Duration) {
	f.release()
	resp := server.NewFetchResponse()
	resp.ThrottleMillis = int32(wait.Milliseconds())
	id, err := f.session.untouched()
	resp.SessionID, resp.ErrorCode = id, f.code(err)
	f.reply(resp, nil)
}

// refuse answers a fetch whose session is not there.
func (f *fetch) refuse(err error) {
	resp := server.NewFetchResponse()
	resp.ErrorCode = f.code(err)
	resp.ThrottleMillis = int32(f.throttle().Milliseconds())
	f.reply(resp, nil)
}
