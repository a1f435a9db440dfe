package repl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chortal/chortal/ksql/client"
)

// fakeServer answers the REST API with what a test gives per statement.
type fakeServer struct {
	answers map[string]string // statement without its semicolon -> body
	asked   []string
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct{ Ksql, SQL string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	text := strings.TrimSuffix(strings.TrimSpace(body.Ksql+body.SQL), ";")
	f.asked = append(f.asked, text)
	answer, ok := f.answers[text]
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"@type":"statement_error","error_code":40001,"message":"line 1:1: unknown statement","statementText":%q,"line":1,"column":1,"hint":"did you mean SELECT?"}`, text)
		return
	}
	_, _ = io.WriteString(w, answer)
}

func newTest(t *testing.T, answers map[string]string) (*fakeServer, Config, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	f := &fakeServer{answers: answers}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	c, err := client.New(client.Config{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var out, errs bytes.Buffer
	return f, Config{Client: c, Out: &out, Err: &errs}, &out, &errs
}

const threeRows = `{"queryId":null,"columnNames":["QUE","TOTAL","N"],"columnTypes":["STRING","DOUBLE","BIGINT"]}
["café",2806.5,1871]
["té",null,2]
["a\nb",1,3]
`

func TestTableAlignsAccentsAndNumbers(t *testing.T) {
	_, cfg, out, _ := newTest(t, map[string]string{"SELECT * FROM t": threeRows})
	if err := Script(t.Context(), cfg, []string{"SELECT * FROM t;"}, nil); err != nil {
		t.Fatal(err)
	}
	want := `+------+--------+------+
| QUE  |  TOTAL |    N |
+------+--------+------+
| café | 2806.5 | 1871 |
| té   |   NULL |    2 |
| a\nb |      1 |    3 |
+------+--------+------+
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

func TestJSONIsOneObjectALine(t *testing.T) {
	_, cfg, out, _ := newTest(t, map[string]string{"SELECT * FROM t": threeRows})
	cfg.Output = "json"
	if err := Script(t.Context(), cfg, []string{"SELECT * FROM t;"}, nil); err != nil {
		t.Fatal(err)
	}
	want := `{"QUE":"café","TOTAL":2806.5,"N":1871}
{"QUE":"té","TOTAL":null,"N":2}
{"QUE":"a\nb","TOTAL":1,"N":3}
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

func TestCSVQuotesWhatItMust(t *testing.T) {
	_, cfg, out, _ := newTest(t, map[string]string{"SELECT * FROM t": threeRows})
	cfg.Output = "csv"
	if err := Script(t.Context(), cfg, []string{"SELECT * FROM t;"}, nil); err != nil {
		t.Fatal(err)
	}
	want := "QUE,TOTAL,N\ncafé,2806.5,1871\nté,,2\n\"a\nb\",1,3\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

func TestScriptStopsAtTheFirstError(t *testing.T) {
	f, cfg, _, _ := newTest(t, map[string]string{"SELECT * FROM t": threeRows})
	err := Script(t.Context(), cfg, []string{"SELECT * FROM t; SELCT 1; SELECT * FROM t;"}, nil)
	e, ok := asError(err)
	if !ok || e.Hint == "" || e.Line != 1 {
		t.Fatalf("error %v", err)
	}
	if len(f.asked) != 2 {
		t.Errorf("asked %q after an error", f.asked)
	}
}

func TestPipeRunsAsSemicolonsCome(t *testing.T) {
	f, cfg, out, errs := newTest(t, map[string]string{"SELECT *\nFROM t": threeRows})
	cfg.In = strings.NewReader("-- totals; of all\nSELECT *\nFROM t;\n\\timing\nSELECT *\nFROM t")
	if err := Pipe(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if len(f.asked) != 2 {
		t.Errorf("asked %q", f.asked)
	}
	if strings.Contains(out.String()+errs.String(), "\x1b") {
		t.Error("escape sequences in a pipe")
	}
	if !strings.Contains(errs.String(), "Time: ") {
		t.Errorf(`no time after \timing: %q`, errs)
	}
}

func TestExpandedDisplay(t *testing.T) {
	_, cfg, out, _ := newTest(t, map[string]string{"SELECT * FROM t": threeRows})
	cfg.In = strings.NewReader("\\x\nSELECT * FROM t;\n")
	if err := Pipe(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "-[ row 1 ]-\nQUE   | café\nTOTAL | 2806.5\nN     | 1871\n") {
		t.Errorf("got %s", out)
	}
}

func TestScriptsThatRunThemselvesEnd(t *testing.T) {
	_, cfg, _, _ := newTest(t, nil)
	path := filepath.Join(t.TempDir(), "loop.sql")
	if err := os.WriteFile(path, []byte("RUN SCRIPT '"+path+"';"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Script(t.Context(), cfg, nil, []string{path}); err == nil || !strings.Contains(err.Error(), "deep") {
		t.Errorf("error %v", err)
	}
}

func TestSpoolWritesAFileAsWell(t *testing.T) {
	_, cfg, out, _ := newTest(t, map[string]string{"SELECT * FROM t": threeRows})
	path := filepath.Join(t.TempDir(), "out.txt")
	cfg.In = strings.NewReader("spool " + path + "\nSELECT * FROM t;\nspool off\nSELECT * FROM t;\n")
	if err := Pipe(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	spooled, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(spooled)+string(spooled) != out.String() {
		t.Errorf("spooled %q of %q", spooled, out)
	}
}

func TestEnterRunsOrContinues(t *testing.T) {
	for text, want := range map[string]bool{
		"":                        true,
		`\d`:                      true,
		"exit":                    true,
		"help;":                   true,
		"SELECT 1":                false,
		"SELECT ';'":              false,
		"SELECT 1;":               true,
		"SELECT 1; SELECT":        false,
		"SELECT 1; -- the end":    true,
		"help me select from t":   false,
		"SELECT 1 /* ; */":        false,
		"CREATE STREAM s (a INT)": false,
	} {
		if got := complete(text); got != want {
			t.Errorf("complete(%q) = %v", text, got)
		}
	}
}

func TestCompletionOffersWhatFits(t *testing.T) {
	known := names{sources: []string{"VENTAS", "VENTAS_POR_DIA"}, functions: []string{"SUM"}}
	columns := func(s string) []string {
		return map[string][]string{"VENTAS": {"QUE", "PRECIO"}}[s]
	}
	f := func(before, whole string, want ...string) {
		t.Helper()
		if got := candidates(before, whole, known, columns); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("after %q: %q, want %q", before, got, want)
		}
	}
	f("SELECT * FROM ven", "SELECT * FROM ven", "ventas", "ventas_por_dia")
	f("SELECT * FROM VENTAS_", "SELECT * FROM VENTAS_", "VENTAS_POR_DIA")
	f("SELECT prec", "SELECT prec FROM ventas", "precio")
	f("SELECT prec", "SELECT prec FROM other")
	f(`\ti`, `\ti`, `\timing`)
	f("SELECT SU", "SELECT SU", "SUM(")
	f("SHOW STR", "SHOW STR", "STREAMS")
	f("SELECT * FROM ", "SELECT * FROM ", "VENTAS", "VENTAS_POR_DIA")
}

func TestHistoryIsReadableByItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "history")
	if err := ownFile(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
