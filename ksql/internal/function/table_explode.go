package function

import (
	"fmt"

	"github.com/chortal/chortal/ksql/internal/types"
)

func tableFunctions() []TableFunc {
	elem := func(args []types.Type) (types.Type, error) { return args[0].Elem(), nil }
	return []TableFunc{
		{Name: "explode", Doc: "Gives a row for each element of an array.", Args: []Param{p("input", types.Array(types.AnyDecimal))}, TypeOf: elem, Type: types.AnyDecimal, Eval: explode},
		{Name: "explode", Doc: "Gives a row for each element of an array.", Args: []Param{p("list", arrayT)}, Type: genericT, Eval: explode},
		{Name: "cube_explode", Doc: "Gives a row for each way to replace elements of an array by NULL.", Args: []Param{p("columns", arrayT)}, Type: arrayT, Eval: cubeExplode},
	}
}

func explode(a []types.Value) ([]types.Value, error) {
	if a[0].IsNull() {
		return nil, nil
	}
	return a[0].Array(), nil
}

// maxCube bounds CUBE_EXPLODE, which gives two to the power of the number of its elements.
const maxCube = 16

// cubeExplode gives every combination of the elements and NULL, all NULL first. Elements that are NULL anyway do not count twice.
func cubeExplode(a []types.Value) ([]types.Value, error) {
	if a[0].IsNull() {
		return nil, nil
	}
	list := a[0].Array()
	var set []int // the elements that are not NULL
	for i, e := range list {
		if !e.IsNull() {
			set = append(set, i)
		}
	}
	if len(set) > maxCube {
		return nil, fmt.Errorf("CUBE_EXPLODE takes at most %d columns", maxCube)
	}
	out := make([]types.Value, 1<<len(set))
	for mask := range out {
		row := make([]types.Value, len(list))
		for bit, i := range set {
			if mask>>(len(set)-1-bit)&1 == 1 {
				row[i] = list[i]
			}
		}
		out[mask] = types.NewArray(row)
	}
	return out, nil
}
