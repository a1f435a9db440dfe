package server_test

import (
	"testing"

	"go.uber.org/goleak"
)

// net/http lingers for half a second behind a connection that it closes early; that is no leak of ours.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}
