package exec

import (
	"sync"

	"github.com/chortal/chortal/ksql/internal/format"
	"github.com/chortal/chortal/ksql/internal/types"
)

// A decoder or encoder has scratch memory and serves one record at a time, while the tasks of a query share their
// serdes. These hand each call one that nobody else uses.
type (
	pooledDecoder struct{ pool sync.Pool }
	pooledEncoder struct{ pool sync.Pool }
)

func newDecoder(spec format.Spec, columns []format.Column) (format.Decoder, error) {
	first, err := format.NewDecoder(spec, columns)
	if err != nil {
		return nil, err
	}
	d := &pooledDecoder{}
	d.pool.New = func() any {
		again, err := format.NewDecoder(spec, columns)
		if err != nil {
			panic("a decoder could be made once, but not again: " + err.Error())
		}
		return again
	}
	d.pool.Put(first)
	return d, nil
}

// Decode implements format.Decoder.
func (d *pooledDecoder) Decode(b []byte, row types.Row) error {
	one := d.pool.Get().(format.Decoder)
	defer d.pool.Put(one)
	return one.Decode(b, row)
}

func newEncoder(spec format.Spec, columns []format.Column) (format.Encoder, error) {
	first, err := format.NewEncoder(spec, columns)
	if err != nil {
		return nil, err
	}
	e := &pooledEncoder{}
	e.pool.New = func() any {
		again, err := format.NewEncoder(spec, columns)
		if err != nil {
			panic("an encoder could be made once, but not again: " + err.Error())
		}
		return again
	}
	e.pool.Put(first)
	return e, nil
}

// Encode implements format.Encoder.
func (e *pooledEncoder) Encode(dst []byte, row types.Row) (out []byte, null bool, err error) {
	one := e.pool.Get().(format.Encoder)
	defer e.pool.Put(one)
	return one.Encode(dst, row)
}
