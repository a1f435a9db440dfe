package hostile

import (
	"math/rand/v2"
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Request is a request of an API with all its fields set to something. Arrays get up to n elements.
func Request(key, version int16, r *rand.Rand, n int) kmsg.Request {
	req := kmsg.RequestForKey(key)
	Fill(reflect.ValueOf(req).Elem(), r, n)
	req.SetVersion(version)
	return req
}

// Fill sets all fields of a message to something. Arrays get up to n elements.
func Fill(v reflect.Value, r *rand.Rand, n int) {
	switch v.Kind() {
	case reflect.Pointer:
		if r.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			Fill(v.Elem(), r, n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() && v.Type().Field(i).Name != "Version" {
				Fill(f, r, n)
			}
		}
	case reflect.Slice:
		size := r.IntN(n + 1)
		v.Set(reflect.MakeSlice(v.Type(), size, size))
		for i := range size {
			Fill(v.Index(i), r, n)
		}
	case reflect.Array:
		for i := range v.Len() {
			Fill(v.Index(i), r, n)
		}
	case reflect.String:
		v.SetString("abcdefghijklmnop"[:r.IntN(16)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.IntN(100)))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(r.IntN(100)))
	case reflect.Float64:
		v.SetFloat(r.Float64())
	}
}
