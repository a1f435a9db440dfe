package function

func stringFunctions() []Scalar      { return nil }
func mathFunctions() []Scalar        { return nil }
func dateFunctions() []Scalar        { return nil }
func conditionalFunctions() []Scalar { return nil }
func regexFunctions() []Scalar       { return nil }
func arrayFunctions() []Scalar       { return nil }
func mapFunctions() []Scalar         { return nil }
func lambdaFunctions() []Scalar      { return nil }
func jsonFunctions() []Scalar        { return nil }
func urlFunctions() []Scalar         { return nil }
func conversionFunctions() []Scalar  { return nil }
func bytesFunctions() []Scalar       { return nil }
func maskFunctions() []Scalar        { return nil }
func otherFunctions() []Scalar       { return nil }
func aggregates() []AggregateDef     { return nil }
func tableFunctions() []TableFunc    { return nil }
