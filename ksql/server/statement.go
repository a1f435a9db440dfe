package server

import (
	"net/http"

	"github.com/chortal/chortal/ksql"
)

func (h *handler) ksql(w http.ResponseWriter, r *http.Request) {
	var q request
	if !h.decode(w, r, &q) {
		return
	}
	if q.CommandSequenceNumber != nil {
		if err := h.engine.WaitForCommand(r.Context(), *q.CommandSequenceNumber); err != nil {
			writeError(w, err)
			return
		}
	}
	entities, err := h.engine.Execute(r.Context(), q.statement(), q.options())
	if err != nil {
		writeError(w, err)
		return
	}
	if entities == nil {
		entities = []ksql.Entity{}
	}
	for i := range entities {
		if entities[i].Warnings == nil {
			entities[i].Warnings = nonNil(entities[i].Warnings)
		}
	}
	writeJSON(w, http.StatusOK, entities)
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// terminate ends all queries and removes every definition; topics named in deleteTopicList are deleted as well.
func (h *handler) terminate(w http.ResponseWriter, r *http.Request) {
	var q struct {
		DeleteTopicList []string `json:"deleteTopicList"`
	}
	if !h.decode(w, r, &q) {
		return
	}
	if err := h.engine.TerminateAll(r.Context(), q.DeleteTopicList); err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, []ksql.Entity{{
		Type: "currentStatus", StatementText: "TERMINATE CLUSTER;", CommandID: "cluster/TerminateCluster/execute",
		CommandStatus: &ksql.CommandStatus{Status: "SUCCESS", Message: "Cluster terminated."}, Warnings: nonNil(ksql.Entity{}.Warnings),
	}})
}

func (h *handler) closeQuery(w http.ResponseWriter, r *http.Request) {
	var q struct {
		QueryID string `json:"queryId"`
	}
	if !h.decode(w, r, &q) {
		return
	}
	if !h.engine.CloseQuery(q.QueryID) {
		writeError(w, &ksql.Error{Code: ksql.CodeBadRequest, Message: "No query with id " + q.QueryID})
		return
	}
	w.WriteHeader(http.StatusOK)
}
