package handler

import (
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

func TestErrorsAtTheEdge(t *testing.T) {
	f := func(err error, wantCode int16, want string) {
		t.Helper()
		got := "nil"
		if m := message(err); m != nil {
			got = *m
		}
		if code(err) != wantCode || got != want {
			t.Errorf("%v became %d, %q", err, code(err), got)
		}
	}
	bad := kerr.InvalidRequest
	f(nil, 0, "nil")
	f(bad, bad.Code, bad.Description)
	f(fmt.Errorf("no such thing: %w", bad), bad.Code, "no such thing")
	f(fmt.Errorf("append to t-0: %w: %w", bad, errors.New("why")), bad.Code, "append to t-0: why")
	f(fmt.Errorf("%w: %w", errors.New("why"), bad), bad.Code, "why")
	f(fmt.Errorf("write: %w: %w", kerr.KafkaStorageError, errors.New("/secret/path")), kerr.KafkaStorageError.Code, kerr.KafkaStorageError.Description)
	f(errors.New("a bug"), kerr.UnknownServerError.Code, kerr.UnknownServerError.Description)
}
