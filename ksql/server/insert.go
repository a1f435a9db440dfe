package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/chortal/chortal/ksql"
)

// maxRowBytes bounds one line of /inserts-stream.
const maxRowBytes = 1 << 20

// insertsStream reads {"target":…} and then a JSON object per row, and acknowledges each row that the broker has.
func (h *handler) insertsStream(w http.ResponseWriter, r *http.Request) {
	scan := bufio.NewScanner(r.Body)
	scan.Buffer(make([]byte, 0, 4096), maxRowBytes)
	var target struct {
		Target string `json:"target"`
	}
	if !scan.Scan() || json.Unmarshal(scan.Bytes(), &target) != nil || target.Target == "" {
		writeError(w, &ksql.Error{Code: ksql.CodeBadRequest, Message: `The first line must be {"target":"<stream or table>"}.`})
		return
	}
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // HTTP/1.1 clients that read acknowledgements while they send; HTTP/2 always can
	w.Header().Set("Content-Type", typeDelimited)
	w.WriteHeader(http.StatusOK)
	for seq := 0; scan.Scan(); {
		if len(bytes.TrimSpace(scan.Bytes())) == 0 {
			continue
		}
		ok := h.insertRow(r.Context(), w, target.Target, scan.Bytes(), seq)
		if control.Flush() != nil || !ok {
			return
		}
		seq++
	}
	if err := scan.Err(); err != nil {
		writeAckError(w, &ksql.Error{Code: ksql.CodeBadRequest, Message: fmt.Sprintf("Cannot read the rows: %v", err)}, -1)
	}
}

// insertRow writes one row and its acknowledgement; false ends the stream.
func (h *handler) insertRow(ctx context.Context, w io.Writer, target string, line []byte, seq int) bool {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var row map[string]any
	if err := d.Decode(&row); err != nil {
		writeAckError(w, &ksql.Error{Code: ksql.CodeBadRequest, Message: "Row is no JSON object: " + err.Error()}, seq)
		return false
	}
	if err := h.engine.Insert(ctx, target, row); err != nil {
		writeAckError(w, err, seq)
		return false
	}
	_, err := fmt.Fprintf(w, "{\"status\":\"ok\",\"seq\":%d}\n", seq)
	return err == nil
}

func writeAckError(w io.Writer, err error, seq int) {
	body, _ := bodyOf(err)
	_ = json.NewEncoder(w).Encode(struct { // the client may be gone: the stream ends either way
		Status string `json:"status"`
		Seq    int    `json:"seq"`
		errorBody
	}{"error", seq, body})
}
