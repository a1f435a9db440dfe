package function

import (
	"fmt"
	"math"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

func otherFunctions() []Scalar {
	D := types.Double
	point := []Param{p("lat1", D), p("lon1", D), p("lat2", D), p("lon2", D)}
	return category("OTHER",
		fnNull("as_value", "Copies a key column into the value.", genericT, func(a []types.Value) (types.Value, error) { return a[0], nil }, p("keyColumn", genericT)),
		fn("geo_distance", "Returns the distance of two points on the Earth in kilometres.", D, geoDistance, point...),
		fn("geo_distance", "Returns the distance of two points on the Earth in KM or MILES.", D, geoDistance, append(point[:4:4], p("units", types.String))...),
	)
}

// geoDistance is the great-circle distance by the haversine formula.
func geoDistance(a []types.Value) (types.Value, error) {
	radius := 6371.0
	if len(a) > 4 {
		switch strings.ToUpper(a[4].Str()) {
		case "KM", "KILOMETER", "KILOMETERS", "KILOMETRE", "KILOMETRES":
		case "MI", "MILE", "MILES":
			radius = 3959
		default:
			return types.Null, fmt.Errorf("GeoDistance function units parameter must be one of KM or MILES, but was %s", a[4].Str())
		}
	}
	for i, limit := range []float64{90, 180, 90, 180} {
		if v := a[i].Double(); !(v >= -limit && v <= limit) {
			return types.Null, fmt.Errorf("valid values for latitude are -90 to 90 and for longitude -180 to 180, but got %s", types.JavaDouble(v))
		}
	}
	rad := func(degrees float64) float64 { return degrees / 180 * math.Pi }
	haversine := func(x float64) float64 { sin, _ := sinCos(x / 2); return sin * sin }
	lat1, lon1, lat2, lon2 := a[0].Double(), a[1].Double(), a[2].Double(), a[3].Double()
	_, cos1 := sinCos(rad(lat1))
	_, cos2 := sinCos(rad(lat2))
	h := haversine(rad(lat2-lat1)) + haversine(rad(lon2-lon1))*cos1*cos2
	return types.NewDouble(2 * math.Asin(math.Sqrt(h)) * radius), nil
}
