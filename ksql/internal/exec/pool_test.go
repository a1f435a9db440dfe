package exec

import (
	"fmt"
	"sync"
	"testing"

	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/types"
)

// The tasks of a query decode and encode at the same time with one serde.
func TestSerdesAreSharedByTasks(t *testing.T) {
	columns := []types.Column{{Name: "A", Type: types.String}, {Name: "B", Type: types.Bigint}}
	for _, name := range []string{"JSON", "DELIMITED"} {
		s, err := NewValueSerde(catalog.Formats{Key: catalog.Format{Name: "KAFKA"}, Value: catalog.Format{Name: name}}, columns, 0, 2, nil)
		if err != nil {
			t.Fatal(err)
		}
		var tasks sync.WaitGroup
		for task := range 4 {
			tasks.Go(func() {
				for i := range 2_000 {
					want := types.Row{types.NewString(fmt.Sprintf("%d \"%d\"", task, i)), types.NewBigint(int64(i))}
					b, err := s.Append(nil, want)
					if err != nil {
						t.Error(err)
						return
					}
					got, err := s.Decode(b)
					if err != nil || got[0].Str() != want[0].Str() || got[1].Bigint() != want[1].Bigint() {
						t.Errorf("%s: %q is read as %v, %v", name, b, got, err)
						return
					}
				}
			})
		}
		tasks.Wait()
	}
}
