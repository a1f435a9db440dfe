package function

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

func urlFunctions() []Scalar {
	S := types.String
	part := func(name, doc string, get func(u *url.URL) (string, bool)) Scalar {
		return fn(name, doc, S, func(a []types.Value) (types.Value, error) {
			u, err := url.Parse(a[0].Str())
			if err != nil {
				return types.Null, err
			}
			s, ok := get(u)
			if !ok {
				return null()
			}
			return str(s)
		}, p("input", S))
	}
	present := func(s string) (string, bool) { return s, s != "" }
	return category("URL",
		fn("url_encode_param", "Encodes text for a parameter of a URL.", S, func(a []types.Value) (types.Value, error) {
			s := url.QueryEscape(a[0].Str())
			return str(strings.ReplaceAll(strings.ReplaceAll(s, "%2A", "*"), "~", "%7E"))
		}, p("input", S)),
		fn("url_decode_param", "Decodes the text of a parameter of a URL.", S, func(a []types.Value) (types.Value, error) {
			s, err := url.QueryUnescape(a[0].Str())
			return types.NewString(s), err
		}, p("input", S)),
		part("url_extract_fragment", "Returns what follows the # of a URL, or NULL.", func(u *url.URL) (string, bool) { return present(u.Fragment) }),
		part("url_extract_host", "Returns the host of a URL, or NULL.", func(u *url.URL) (string, bool) { return present(u.Hostname()) }),
		part("url_extract_path", "Returns the path of a URL.", func(u *url.URL) (string, bool) {
			if u.Opaque != "" {
				return "", false
			}
			return u.Path, true
		}),
		part("url_extract_protocol", "Returns the protocol of a URL, or NULL.", func(u *url.URL) (string, bool) { return present(u.Scheme) }),
		part("url_extract_query", "Returns the query of a URL, or NULL.", func(u *url.URL) (string, bool) {
			s, err := url.PathUnescape(u.RawQuery)
			return s, err == nil && s != ""
		}),
		fn("url_extract_port", "Returns the port of a URL, or NULL.", types.Integer, func(a []types.Value) (types.Value, error) {
			u, err := url.Parse(a[0].Str())
			if err != nil {
				return types.Null, err
			}
			port, err := strconv.ParseInt(u.Port(), 10, 32)
			if err != nil {
				return null()
			}
			return types.NewInteger(int32(port)), nil
		}, p("input", S)),
		fn("url_extract_parameter", "Returns the value of a parameter of a URL, decoded, or NULL.", S, urlParameter, p("input", S), p("paramToFind", S)),
	)
}

func urlParameter(a []types.Value) (types.Value, error) {
	u, err := url.Parse(a[0].Str())
	if err != nil {
		return types.Null, err
	}
	for _, pair := range strings.Split(u.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if n, err := url.PathUnescape(name); err == nil && n == a[1].Str() && pair != "" {
			value, err := url.PathUnescape(value)
			return types.NewString(value), err
		}
	}
	return null()
}
