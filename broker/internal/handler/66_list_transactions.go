package handler

// ListTransactions (key 66): versions 0-2 (KIP-664).
//
//	v1  filter by duration (KIP-994)
//	v2  filter by a pattern of the transactional id (KIP-1152)

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/server"
	"github.com/chortal/chortal/broker/internal/txn"
)

// listTransactions asks all partitions. If one cannot answer, there is no list.
func (x *Txns) listTransactions(_ context.Context, _ *server.Conn, req *kmsg.ListTransactionsRequest, reply func(*kmsg.ListTransactionsResponse, error)) {
	type states = []kmsg.ListTransactionsResponseTransactionState
	filter, unknown, err := txnFilter(req)
	resp := kmsg.NewPtrListTransactionsResponse()
	resp.UnknownStateFilters = unknown
	if err != nil {
		resp.ErrorCode = x.code("ListTransactions", "", err)
		reply(resp, nil)
		return
	}
	askAll(int(x.runtime.Partitions()), func(i int, done func(states, error)) {
		askTxnPartition(x, int32(i), func(m *txn.Machine, now time.Time, out *coordinator.Out, reply txn.Reply[states]) {
			m.List(now, out, filter, reply)
		}, done)
	}, func(answers []states, errs []error) {
		for i, list := range answers {
			if errs[i] != nil {
				resp.ErrorCode, resp.TransactionStates = x.code("ListTransactions", "", errs[i]), nil
				break
			}
			resp.TransactionStates = append(resp.TransactionStates, list...)
		}
		reply(resp, nil)
	})
}

// txnFilter reads the filters of a request. States that do not exist are told back.
func txnFilter(req *kmsg.ListTransactionsRequest) (f txn.Filter, unknown []string, err error) {
	f = txn.Filter{ProducerIDs: req.ProducerIDFilters, Duration: -1}
	for _, name := range req.StateFilters {
		if s, ok := txn.ParseState(name); ok {
			f.States = append(f.States, s)
		} else {
			unknown = append(unknown, name)
		}
	}
	f.Nothing = len(req.StateFilters) > 0 && len(f.States) == 0
	if req.Version >= 1 && req.DurationFilterMillis >= 0 {
		f.Duration = time.Duration(min(req.DurationFilterMillis, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
	}
	if p := req.TransactionalIDPattern; req.Version >= 2 && p != nil && *p != "" {
		if f.ID, err = regexp.Compile(`^(?:` + *p + `)$`); err != nil {
			return f, unknown, fmt.Errorf("pattern %q: %v: %w", *p, err, kerr.InvalidRegularExpression)
		}
	}
	return f, unknown, nil
}
