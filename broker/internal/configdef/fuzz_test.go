package configdef_test

import (
	"testing"

	"github.com/chortal/chortal/broker/internal/configdef"
)

// FuzzCheck gives any value to any key. What is allowed can be read.
func FuzzCheck(f *testing.F) {
	f.Add("retention.ms", "1000")
	f.Add("cleanup.policy", "compact, delete,")
	f.Add("min.cleanable.dirty.ratio", "NaN")
	f.Add("match", "client_id=(a*)*")
	f.Fuzz(func(t *testing.T, name, value string) {
		for _, scope := range []configdef.Scope{configdef.Broker, configdef.Topic, configdef.Group, configdef.ClientMetrics} {
			k, known := configdef.Lookup(scope, name)
			err := configdef.Check(scope, name, value)
			if !known || err != nil {
				if !known && err == nil {
					t.Errorf("%q is accepted", name)
				}
				continue
			}
			l := configdef.Layers{Override: map[string]string{name: value}, Static: map[string]string{name: value}}
			if got := l.Text(scope, k.Name); got == "" && value != "" && k.Type != configdef.List && k.Type != configdef.String && k.Type != configdef.Password {
				t.Errorf("%s=%q is lost", name, value)
			}
		}
	})
}
