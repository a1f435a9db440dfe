package broker

import (
	"fmt"
	"strings"
	"testing"
)

func TestCheckProperties(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		findings, err := CheckProperties(strings.NewReader(text), func(key string) bool { return key == "ours" })
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range findings {
			got = append(got, fmt.Sprintf("%d %v %s", x.Line, x.Severity, x.Key))
		}
		if strings.Join(got, "; ") != strings.Join(want, "; ") {
			t.Errorf("%q has %q, want %q: %+v", text, got, want, findings)
		}
	}
	f("")
	f("# nothing\n\nours=1\nsql.listeners=x\n")
	f("num.partitions=4\n")
	f("\nnum.partitons=4\n", "2 warning num.partitons")
	f("num.partitions=many\n", "1 error num.partitions")
	f("num.partitions=4\nnum.partitions=5\n", "2 warning num.partitions")
	f("num.partitions=1\n", "1 note num.partitions")
	f("retention.ms=1\n", "1 warning retention.ms")
	f("listener.name.internal.num.partitions=x\n", "1 error listener.name.internal.num.partitions")
	f("a=1\\\n  2\nnum.partitions=x\n", "1 warning a", "3 error num.partitions")
	f("node.id=3\nbroker.id=2\n", "2 error broker.id")
	f("listeners=PLAINTEXT//x\n", "1 error listeners")
}

func TestCheckPropertiesProposesWhatWasMeant(t *testing.T) {
	f := func(key, want string) {
		t.Helper()
		findings, err := CheckProperties(strings.NewReader(key+"=1\n"), func(string) bool { return false })
		if err != nil || len(findings) != 1 || !strings.Contains(findings[0].Hint, want) {
			t.Errorf("%s: %+v, %v, want a hint with %s", key, findings, err, want)
		}
	}
	f("log.retention.hour", "log.retention.hours")
	f("Log.Retention.Hours", "log.retention.hours")
	f("retention.ms", "log.retention.ms")
	f("xyz", "remove it")
	if _, err := CheckProperties(strings.NewReader(`a=\u12`), func(string) bool { return false }); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a broken escape: %v", err)
	}
}
