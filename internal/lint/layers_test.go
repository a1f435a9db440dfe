package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/chortal/chortal"

// goPackage is what `go list -json` says of one package.
type goPackage struct {
	ImportPath   string
	Dir          string
	Name         string
	Doc          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// folder is the package's path below the module, "" for the module itself.
func (p goPackage) folder() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

var listed = sync.OnceValues(func() ([]goPackage, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,Doc,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

func packages(t *testing.T) []goPackage {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if len(all) < 20 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}

// law is the import law of ARCHITECTURE section 3: a folder, the folders below
// it included, may import itself and what is listed. The longest folder that
// fits a package decides. "x/..." is a whole tree, "x" one package.
var law = map[string][]string{
	"statestore":        {},
	"grammar":           {},
	"streams/serde":     {},
	"streams/processor": {"statestore", "streams/serde"},
	"streams":           {"streams/...", "statestore/..."},
	"streams/internal/runtime": {
		"streams/...", "statestore/...", "internal/recordbatch",
	},
	"broker": {"broker/internal/...", "internal/recordbatch"},
	"ksql": {
		"ksql/...", "streams", "streams/processor", "streams/serde", "streams/streamstest", "statestore/...", "grammar/...",
	},
	"ksql/internal/types":    {},
	"ksql/internal/api":      {},
	"ksql/internal/ast":      {"ksql/internal/types"},
	"ksql/internal/parse":    {"ksql/internal/ast", "ksql/internal/types", "grammar/parser"},
	"ksql/internal/function": {"ksql/internal/types"},
	"ksql/internal/format":   {"ksql/internal/types"},
	"ksql/internal/catalog":  {"ksql/internal/api", "ksql/internal/types"},
	"ksql/internal/expr":     {"ksql/internal/ast", "ksql/internal/function", "ksql/internal/types"},
	"ksql/internal/analyze": {
		"ksql/internal/api", "ksql/internal/ast", "ksql/internal/catalog", "ksql/internal/expr", "ksql/internal/format", "ksql/internal/function", "ksql/internal/types",
	},
	"ksql/internal/plan": {
		"ksql/internal/analyze", "ksql/internal/api", "ksql/internal/ast", "ksql/internal/catalog", "ksql/internal/expr", "ksql/internal/function", "ksql/internal/parse", "ksql/internal/types",
	},

	"internal/recordbatch": {},
	"internal/nexmark":     {},
	"internal/ventas":      {},
	"internal/lint":        {},
	"internal/repl":        {"ksql/client"},

	"broker/internal/wire":        {},
	"broker/internal/fs":          {},
	"broker/internal/configdef":   {},
	"broker/internal/commitlog":   {"broker/internal/fs", "internal/recordbatch"},
	"broker/internal/metadata":    {"broker/internal/fs", "internal/recordbatch"},
	"broker/internal/partition":   {"broker/internal/commitlog", "broker/internal/fs", "internal/recordbatch"},
	"broker/internal/coordinator": {"broker/internal/partition", "internal/recordbatch"},
	"broker/internal/group":       {"broker/internal/coordinator", "internal/recordbatch"},
	"broker/internal/txn":         {"broker/internal/coordinator", "internal/recordbatch"},
	"broker/internal/security":    {"broker/internal/metadata", "broker/internal/configdef", "internal/recordbatch"},
	"broker/internal/quota":       {"broker/internal/metadata", "internal/recordbatch"},
	"broker/internal/server":      {"broker/internal/wire", "broker/internal/security", "broker/internal/configdef", "internal/recordbatch"},
	"broker/internal/handler": {
		"broker/internal/server", "broker/internal/coordinator", "broker/internal/group", "broker/internal/txn", "broker/internal/partition", "broker/internal/metadata",
		"broker/internal/security", "broker/internal/quota", "broker/internal/configdef", "broker/internal/commitlog", "broker/internal/fs", "broker/internal/wire", "internal/recordbatch",
	},

	"cmd":                  outside,
	"internal/integration": outside,
	"internal/testcluster": outside,
	"internal/oracle":      outside,
	"internal/torture":     {}, // it judges the broker and shares no code with it
	"cmd/torture":          {"internal/torture"},
	"internal/benchapp":    outside,
	"internal/bench":       outside,
	"examples":             public,
}

var (
	public = []string{
		"broker", "broker/logdump", "streams", "streams/processor", "streams/serde", "streams/streamstest", "statestore", "statestore/badgerstore",
		"statestore/memstore", "ksql", "ksql/client", "ksql/server",
	}
	outside = append([]string{"cmd/...", "internal/repl", "internal/testcluster", "internal/nexmark", "internal/recordbatch", "internal/ventas"}, public...)
)

// covers reports whether folder is pattern, or lies below it.
func covers(pattern, folder string) bool {
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return folder == tree || strings.HasPrefix(folder, tree+"/")
	}
	return folder == pattern
}

// rule finds the longest folder of the law that holds the package.
func rule(folder string) (string, bool) {
	best, found := "", false
	for f := range law {
		if covers(f+"/...", folder) && len(f) >= len(best) {
			best, found = f, true
		}
	}
	return best, found
}

func TestImportLaw(t *testing.T) {
	for _, p := range packages(t) {
		from, ok := rule(p.folder())
		if !ok {
			t.Errorf("%s: no rule of the import law covers this folder", p.folder())
			continue
		}
		for _, imp := range p.Imports {
			to, ours := strings.CutPrefix(imp, module+"/")
			if !ours || covers(from+"/...", to) {
				continue
			}
			if !slices.ContainsFunc(law[from], func(pattern string) bool { return covers(pattern, to) }) {
				t.Errorf("%s imports %s: ARCHITECTURE section 3 does not allow it", p.folder(), to)
			}
		}
	}
}

// doors is ARCHITECTURE section 4: the only folders that import each library.
// A pattern that ends in "+" takes the library's sub-packages as well.
var doors = []struct {
	library string
	folders []string
}{
	{"github.com/twmb/franz-go/pkg/kgo+", clients},
	{"github.com/twmb/franz-go/pkg/kadm", clients},
	{"github.com/twmb/franz-go/pkg/kmsg", wireUsers},
	{"github.com/twmb/franz-go/pkg/kerr", wireUsers},
	{"github.com/twmb/franz-go/pkg/kbin", []string{"broker/..."}},
	{"github.com/dgraph-io/badger+", []string{"statestore/badgerstore"}},
	{"github.com/antlr4-go/antlr+", []string{"grammar/...", "ksql/internal/parse"}},
	{"github.com/prometheus/client_golang/prometheus/promhttp", []string{"cmd/..."}},
	{"github.com/klauspost/compress+", []string{"internal/recordbatch"}},
	{"github.com/pierrec/lz4+", []string{"internal/recordbatch"}},
	{"github.com/spf13/cobra+", []string{"cmd/..."}},
	{"github.com/reeflective/readline+", []string{"internal/repl"}},
	{"github.com/cockroachdb/apd+", []string{"ksql/internal/types"}},
	{"github.com/twmb/avro+", []string{"schemaregistry", "ksql/internal/format", "streams/serde"}},
	{"golang.org/x/sys/unix", []string{"broker/internal/fs", "broker/internal/server", "statestore/badgerstore"}},
}

var (
	clients = []string{
		"streams/internal/runtime", "ksql", "cmd/...", "connect/...", "schemaregistry", "restproxy", "internal/testcluster", "internal/integration", "internal/torture", "internal/bench", "internal/benchapp",
	}
	wireUsers = append([]string{"broker/..."}, clients...)
)

func TestDoors(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			for _, door := range doors {
				lib, tree := strings.CutSuffix(door.library, "+")
				if imp != lib && !(tree && strings.HasPrefix(imp, lib+"/")) {
					continue
				}
				if !slices.ContainsFunc(door.folders, func(pattern string) bool { return covers(pattern, p.folder()) }) {
					t.Errorf("%s imports %s: its door is %v (ARCHITECTURE section 4)", p.folder(), imp, door.folders)
				}
			}
		}
	}
}

// The broker is judged by clients, so its tests may use them; its code may not.
func TestBrokerCodeNeverImportsAClient(t *testing.T) {
	for _, p := range packages(t) {
		if !covers("broker/...", p.folder()) {
			continue
		}
		for _, imp := range p.Imports {
			if strings.HasPrefix(imp, "github.com/twmb/franz-go/pkg/kgo") || strings.HasPrefix(imp, "github.com/twmb/franz-go/pkg/kadm") {
				t.Errorf("%s imports %s", p.folder(), imp)
			}
		}
	}
}
