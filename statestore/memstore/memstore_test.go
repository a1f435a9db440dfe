package memstore_test

import (
	"testing"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/statestore/memstore"
	"github.com/chortal/chortal/statestore/storetest"
)

func TestEngine(t *testing.T) {
	storetest.Run(t, func(testing.TB) statestore.Engine { return memstore.New() })
}
