package broker

import (
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// registry passes collectors on and remembers them, so that a broker that ends takes its metrics away again and
// another one can start in the same process. Its zero value registers nowhere.
type registry struct {
	inner prometheus.Registerer // nil: nowhere

	mu  sync.Mutex
	all []prometheus.Collector // guarded by mu
}

// Register implements prometheus.Registerer.
func (r *registry) Register(c prometheus.Collector) error {
	if r.inner == nil {
		return nil
	}
	if err := r.inner.Register(c); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, c)
	return nil
}

// MustRegister implements prometheus.Registerer.
func (r *registry) MustRegister(cs ...prometheus.Collector) {
	var errs []error
	for _, c := range cs {
		errs = append(errs, r.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		panic(err)
	}
}

// Unregister implements prometheus.Registerer.
func (r *registry) Unregister(c prometheus.Collector) bool {
	return r.inner != nil && r.inner.Unregister(c)
}

// close takes away all that was registered.
func (r *registry) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.all {
		r.inner.Unregister(c)
	}
	r.all = nil
}
