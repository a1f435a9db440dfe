package function

import "github.com/chortal/chortal/ksql/internal/types"

func conditionalFunctions() []Scalar {
	return category("CONDITIONAL",
		fnNull("coalesce", "Returns the first argument that is not NULL.", genericT, coalesce, p("first", genericT), more("others", genericT)),
		fnNull("ifnull", "Returns the first argument, or the second if the first is NULL.", genericT, coalesce, p("expression", genericT), p("altValue", genericT)),
		fnNull("nullif", "Returns NULL if both arguments are the same, else the first.", genericT, func(a []types.Value) (types.Value, error) {
			if types.Equal(a[0], a[1]) {
				return null()
			}
			return a[0], nil
		}, p("expression1", genericT), p("expression2", genericT)),
	)
}

func coalesce(a []types.Value) (types.Value, error) {
	for _, v := range a {
		if !v.IsNull() {
			return v, nil
		}
	}
	return null()
}
