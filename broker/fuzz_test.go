package broker

import (
	"strings"
	"testing"
)

// FuzzProperties reads any text as a server.properties: a configuration, or an error.
func FuzzProperties(f *testing.F) {
	f.Add("node.id=1\nlog.dirs=/a,\\\n  /b\nbroker.rack=\\u00e9\n")
	f.Add("listeners=PLAINTEXT://:9092,CONTROLLER://[::1]:9093\nsasl.enabled.mechanisms=PLAIN")
	f.Add("\\")
	f.Fuzz(func(t *testing.T, text string) {
		c, rest, err := ParseProperties(strings.NewReader(text))
		if err != nil {
			return
		}
		for key := range rest {
			if _, both := c.Properties[key]; both {
				t.Errorf("%q is a key of two", key)
			}
		}
	})
}

// FuzzListeners reads any text as listeners.
func FuzzListeners(f *testing.F) {
	f.Add("PLAINTEXT://127.0.0.1:9092,SSL://[::1]:9093")
	f.Add("A://:0")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseListeners("listeners", strings.Split(text, ","))
		if err != nil {
			return
		}
		for _, e := range all {
			if e.port < 0 || e.port > 65535 || e.name == "" {
				t.Errorf("%+v", e)
			}
		}
	})
}

// FuzzOverrides reads any text as max.connections.per.ip.overrides.
func FuzzOverrides(f *testing.F) {
	f.Add("127.0.0.1:5,[::1]:7")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = parseOverrides(strings.Split(text, ","))
	})
}
