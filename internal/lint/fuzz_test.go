package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fuzzed are the decoders of outside bytes, files of a damaged disk among them, and the fuzz targets that they must have.
var fuzzed = map[string][]string{
	"broker":                    {"FuzzFrame", "FuzzProperties", "FuzzListeners", "FuzzOverrides"},
	"broker/internal/wire":      {"FuzzHeader", "FuzzGuard", "FuzzConsumerProtocol"},
	"broker/internal/handler":   {"FuzzRequests"},
	"broker/internal/commitlog": {"FuzzSegment", "FuzzEpochs", "FuzzTxnIndex"},
	"broker/internal/partition": {"FuzzProducerSnapshot", "FuzzCheckpoint", "FuzzMeta"},
	"broker/internal/metadata":  {"FuzzDecodeRecord", "FuzzOpen"},
	"broker/internal/group":     {"FuzzReplay", "FuzzSubscribedTopics"},
	"broker/internal/txn":       {"FuzzReplay"},
	"broker/internal/security":  {"FuzzExchanges", "FuzzJAAS", "FuzzPrincipalRules", "FuzzKeySet", "FuzzBearer", "FuzzKeyPair"},
	"broker/internal/configdef": {"FuzzCheck"},
	"internal/recordbatch":      {"FuzzRecords", "FuzzSplit", "FuzzDecompress"},
	"streams/serde":             {"FuzzJSON"},
	"streams/internal/node":     {"FuzzChange", "FuzzWindowedKey"},
	"streams/internal/runtime":  {"FuzzDecodeSubscription", "FuzzDecodeOffsetMetadata"},
	"ksql":                      {"FuzzPlan"},
	"ksql/internal/parse":       {"FuzzParse", "FuzzComplete"},
	"ksql/internal/types":       {"FuzzDecodeValue"},
	"ksql/internal/format":      {"FuzzJSON", "FuzzDelimited"},
}

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// targets lists the fuzz targets of a folder.
func targets(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fuzzTarget.FindAllStringSubmatch(string(text), -1) {
			all[m[1]] = true
		}
	}
	return all
}

// Every decoder of the list has its targets, and a package of the broker that has functions which decode bytes or text
// stands in the list.
func TestDecodersAreFuzzed(t *testing.T) {
	for folder, names := range fuzzed {
		have := targets(t, filepath.Join("../..", folder))
		for _, name := range names {
			if !have[name] {
				t.Errorf("%s has no target %s", folder, name)
			}
		}
	}
	for _, p := range packages(t) {
		if !covers("broker/...", p.folder()) && p.folder() != "internal/recordbatch" || p.Name == "main" {
			continue
		}
		if _, listed := fuzzed[p.folder()]; listed || p.folder() == "broker/logdump" { // a tool that shows an operator's own files
			continue
		}
		for _, file := range p.GoFiles {
			if name := decoder(t, filepath.Join(p.Dir, file)); name != "" {
				t.Errorf("%s decodes (%s) and has no fuzz target", p.folder(), name)
				break
			}
		}
	}
}

// decoder names a function of a file that takes bytes or text apart, if there is one.
func decoder(t *testing.T, path string) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Type.Params.NumFields() == 0 {
			continue
		}
		name := strings.ToLower(fn.Name.Name)
		if !strings.HasPrefix(name, "decode") && !strings.HasPrefix(name, "parse") && !strings.HasPrefix(name, "unmarshal") {
			continue
		}
		switch arg := fn.Type.Params.List[0].Type.(type) {
		case *ast.ArrayType:
			if elem, ok := arg.Elt.(*ast.Ident); ok && elem.Name == "byte" {
				return fn.Name.Name
			}
		case *ast.Ident:
			if arg.Name == "string" {
				return fn.Name.Name
			}
		}
	}
	return ""
}
