package handler

// DescribeTransactions (key 65): version 0 (KIP-664).

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/server"
	"github.com/chortal/chortal/broker/internal/txn"
)

func (x *Txns) describeTransactions(_ context.Context, _ *server.Conn, req *kmsg.DescribeTransactionsRequest, reply func(*kmsg.DescribeTransactionsResponse, error)) {
	type state = kmsg.DescribeTransactionsResponseTransactionState
	ids := req.TransactionalIDs
	askAll(len(ids), func(i int, done func(state, error)) {
		askTxn(x, ids[i], func(m *txn.Machine, _ time.Time, out *coordinator.Out, reply txn.Reply[state]) {
			m.Describe(out, ids[i], reply)
		}, done)
	}, func(answers []state, errs []error) {
		for i, err := range errs {
			if err != nil {
				answers[i] = kmsg.NewDescribeTransactionsResponseTransactionState()
				answers[i].TransactionalID, answers[i].ErrorCode = ids[i], x.code("DescribeTransactions", ids[i], err)
			}
		}
		resp := kmsg.NewPtrDescribeTransactionsResponse()
		resp.TransactionStates = answers
		reply(resp, nil)
	})
}
