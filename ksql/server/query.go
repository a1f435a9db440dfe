package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/chortal/chortal/ksql"
)

// flushBytes is how much of a result is gathered while more rows are waiting.
const flushBytes = 32 << 10

// rowWriter is the shape of a result on the wire.
type rowWriter interface {
	contentType() string
	header(dst []byte, rows *ksql.Rows) []byte
	row(dst []byte, rows *ksql.Rows) []byte
	end(dst []byte, rows *ksql.Rows) []byte
	failure(dst []byte, body []byte) []byte
}

// query serves ksqlDB's older endpoint: one JSON array of header, rows and a final message.
func (h *handler) query(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), typeDelimited) {
		h.serveQuery(w, r, delimited{})
		return
	}
	h.serveQuery(w, r, &wrapped{})
}

// queryStream serves a header line and a line per row, or one JSON array of them for Accept: application/json.
func (h *handler) queryStream(w http.ResponseWriter, r *http.Request) {
	accept := r.Header.Get("Accept")
	switch {
	case strings.Contains(accept, typeV1) && !strings.Contains(accept, typeDelimited):
		h.serveQuery(w, r, &wrapped{})
	case strings.Contains(accept, typeJSON) && !strings.Contains(accept, typeDelimited):
		h.serveQuery(w, r, array{})
	default:
		h.serveQuery(w, r, delimited{})
	}
}

func (h *handler) serveQuery(w http.ResponseWriter, r *http.Request, form rowWriter) {
	var q request
	if !h.decode(w, r, &q) {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	rows, err := h.engine.Query(ctx, q.statement(), q.options())
	if err != nil {
		writeError(w, err)
		return
	}
	defer rows.Close()
	if _, text := form.(*wrapped); text && rows.IsPrint() {
		form = lines{}
	}
	w.Header().Set("Content-Type", form.contentType())
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	h.stream(ctx, w, rows, form)
}

// stream writes the result, flushing whenever no further row is ready, so that a push query's rows leave at once and
// a large result leaves in large pieces.
func (h *handler) stream(ctx context.Context, w http.ResponseWriter, rows *ksql.Rows, form rowWriter) {
	flusher := http.NewResponseController(w)
	buf := form.header(make([]byte, 0, 4096), rows)
	send := func() bool {
		if len(buf) == 0 {
			return true
		}
		_, err := w.Write(buf)
		buf = buf[:0]
		return err == nil && flusher.Flush() == nil
	}
	if !rows.Buffered() && !send() {
		return
	}
	for rows.Next(ctx) {
		buf = form.row(buf, rows)
		if (!rows.Buffered() || len(buf) >= flushBytes) && !send() {
			return
		}
	}
	if err := rows.Err(); err != nil && ctx.Err() == nil {
		body, _ := bodyOf(err)
		encoded, _ := json.Marshal(body) //nolint:errchkjson // plain fields
		buf = form.failure(buf, encoded)
		h.log.Warn("query failed", "query", rows.QueryID(), "err", err)
	}
	buf = form.end(buf, rows)
	send()
}

// delimited is application/vnd.ksqlapi.delimited.v1: a JSON value per line.
type delimited struct{}

func (delimited) contentType() string { return typeDelimited }

func (delimited) header(dst []byte, rows *ksql.Rows) []byte {
	return append(appendHeader(dst, rows), '\n')
}

func (delimited) row(dst []byte, rows *ksql.Rows) []byte { return append(rows.AppendJSON(dst), '\n') }
func (delimited) end(dst []byte, _ *ksql.Rows) []byte    { return dst }
func (delimited) failure(dst, body []byte) []byte        { return append(append(dst, body...), '\n') }

func appendHeader(dst []byte, rows *ksql.Rows) []byte {
	header := struct {
		QueryID     *string  `json:"queryId"`
		ColumnNames []string `json:"columnNames"`
		ColumnTypes []string `json:"columnTypes"`
	}{ColumnNames: nonNil(rows.Columns()), ColumnTypes: nonNil(rows.Types())}
	if id := rows.QueryID(); id != "" {
		header.QueryID = &id
	}
	encoded, _ := json.Marshal(header) //nolint:errchkjson // plain fields
	return append(dst, encoded...)
}

// array is application/json: one array of the header and the rows.
type array struct{}

func (array) contentType() string { return typeJSON }

func (array) header(dst []byte, rows *ksql.Rows) []byte {
	return appendHeader(append(dst, '['), rows)
}

func (array) row(dst []byte, rows *ksql.Rows) []byte { return rows.AppendJSON(append(dst, ",\n"...)) }
func (array) end(dst []byte, _ *ksql.Rows) []byte    { return append(dst, "]\n"...) }
func (array) failure(dst, body []byte) []byte        { return append(append(dst, ",\n"...), body...) }

// wrapped is application/vnd.ksql.v1+json: {"header":…}, {"row":…}, {"finalMessage":…}.
type wrapped struct{}

func (*wrapped) contentType() string { return typeV1 }

func (*wrapped) header(dst []byte, rows *ksql.Rows) []byte {
	var schema strings.Builder
	for i, name := range rows.Columns() {
		if i > 0 {
			schema.WriteString(", ")
		}
		schema.WriteString("`" + strings.ReplaceAll(name, "`", "``") + "` " + rows.Types()[i])
	}
	header := struct {
		QueryID string `json:"queryId"`
		Schema  string `json:"schema"`
	}{rows.QueryID(), schema.String()}
	encoded, _ := json.Marshal(header) //nolint:errchkjson // plain fields
	dst = append(dst, `[{"header":`...)
	return append(append(dst, encoded...), '}')
}

func (*wrapped) row(dst []byte, rows *ksql.Rows) []byte {
	dst = append(dst, ",\n{\"row\":{\"columns\":"...)
	dst = rows.AppendJSON(dst)
	if rows.Tombstone() {
		dst = append(dst, `,"tombstone":true`...)
	}
	return append(dst, "}}"...)
}

func (*wrapped) failure(dst, body []byte) []byte {
	dst = append(dst, ",\n{\"errorMessage\":"...)
	return append(append(dst, body...), '}')
}

func (*wrapped) end(dst []byte, rows *ksql.Rows) []byte {
	if message := rows.FinalMessage(); message != "" {
		dst = append(dst, ",\n{\"finalMessage\":"...)
		encoded, _ := json.Marshal(message) //nolint:errchkjson // a string
		dst = append(append(dst, encoded...), '}')
	}
	return append(dst, "]\n"...)
}

// lines is the plain text of PRINT.
type lines struct{}

func (lines) contentType() string                    { return "text/plain; charset=utf-8" }
func (lines) header(dst []byte, _ *ksql.Rows) []byte { return dst }
func (lines) end(dst []byte, _ *ksql.Rows) []byte    { return dst }
func (lines) failure(dst, body []byte) []byte        { return append(append(dst, body...), '\n') }
func (lines) row(dst []byte, rows *ksql.Rows) []byte {
	text, _ := rows.Row()[0].(string)
	return append(append(dst, text...), '\n')
}
