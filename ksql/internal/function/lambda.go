package function

import "github.com/chortal/chortal/ksql/internal/types"

func lambdaFunctions() []Scalar {
	mapKV := types.Map(genericK, genericV)
	B := types.Boolean
	return category("LAMBDA",
		fn("filter", "Returns the elements for which the lambda is true.", arrayT, filterArray, p("array", arrayT), p("lambda", types.Lambda(B, genericT))),
		fn("filter", "Returns the entries for which the lambda is true.", mapKV, filterMap, p("map", mapKV), p("lambda", types.Lambda(B, genericK, genericV))),
		fnNull("reduce", "Folds the elements into a state with the lambda, from the first to the last.", genericS, reduceArray,
			p("list", arrayT), p("initialState", genericS), p("reduceFunction", types.Lambda(genericS, genericS, genericT))),
		fnNull("reduce", "Folds the entries into a state with the lambda.", genericS, reduceMap,
			p("map", mapKV), p("initialState", genericS), p("reduceFunction", types.Lambda(genericS, genericS, genericK, genericV))),
		fn("transform", "Returns what the lambda gives for each element.", types.Array(genericR), transformArray, p("array", arrayT), p("lambda", types.Lambda(genericR, genericT))),
		fn("transform", "Returns a map of what the two lambdas give for each entry's key and value.", types.Map(genericR, genericT), transformMap,
			p("map", mapKV), p("keyLambda", types.Lambda(genericR, genericK, genericV)), p("valueLambda", types.Lambda(genericT, genericK, genericV))),
	)
}

func filterArray(a []types.Value) (types.Value, error) {
	keep := a[1].Lambda()
	var out []types.Value
	for _, e := range a[0].Array() {
		ok, err := keep(e)
		if err != nil {
			return types.Null, err
		}
		if ok.Boolean() {
			out = append(out, e)
		}
	}
	return types.NewArray(out), nil
}

func filterMap(a []types.Value) (types.Value, error) {
	keep := a[1].Lambda()
	out := types.NewMapValue(0)
	for _, e := range a[0].Map().Entries() {
		ok, err := keep(e.Key, e.Value)
		if err != nil {
			return types.Null, err
		}
		if ok.Boolean() {
			out.Put(e.Key, e.Value)
		}
	}
	return types.NewMap(out), nil
}

func reduceArray(a []types.Value) (types.Value, error) {
	state, f := a[1], a[2].Lambda()
	if a[0].IsNull() || state.IsNull() {
		return state, nil
	}
	for _, e := range a[0].Array() {
		var err error
		if state, err = f(state, e); err != nil {
			return types.Null, err
		}
	}
	return state, nil
}

func reduceMap(a []types.Value) (types.Value, error) {
	state, f := a[1], a[2].Lambda()
	if a[0].IsNull() || state.IsNull() {
		return state, nil
	}
	for _, e := range a[0].Map().Entries() {
		var err error
		if state, err = f(state, e.Key, e.Value); err != nil {
			return types.Null, err
		}
	}
	return state, nil
}

func transformArray(a []types.Value) (types.Value, error) {
	f, in := a[1].Lambda(), a[0].Array()
	out := make([]types.Value, len(in))
	for i, e := range in {
		var err error
		if out[i], err = f(e); err != nil {
			return types.Null, err
		}
	}
	return types.NewArray(out), nil
}

func transformMap(a []types.Value) (types.Value, error) {
	key, value := a[1].Lambda(), a[2].Lambda()
	out := types.NewMapValue(a[0].Map().Len())
	for _, e := range a[0].Map().Entries() {
		k, err := key(e.Key, e.Value)
		if err != nil {
			return types.Null, err
		}
		v, err := value(e.Key, e.Value)
		if err != nil {
			return types.Null, err
		}
		out.Put(k, v)
	}
	return types.NewMap(out), nil
}
