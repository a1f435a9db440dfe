package broker_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/chortal/chortal/internal/testcluster"
)

func TestMain(m *testing.M) {
	testcluster.NodeMain()
	goleak.VerifyTestMain(m)
}
