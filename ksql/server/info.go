package server

import (
	"net/http"

	"github.com/chortal/chortal/ksql"
)

func (h *handler) info(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]ksql.ServerInfo{"KsqlServerInfo": h.engine.Info()})
}

func (h *handler) isReady() bool {
	select {
	case <-h.engine.Ready():
		return true
	default:
		return false
	}
}

func (h *handler) healthcheck(w http.ResponseWriter, _ *http.Request) {
	ready := h.isReady()
	state, status := "READY", http.StatusOK
	if !ready {
		state, status = "NOT_READY", http.StatusServiceUnavailable
	}
	part := map[string]bool{"isHealthy": ready}
	writeJSON(w, status, map[string]any{
		"isHealthy":   ready,
		"details":     map[string]any{"metastore": part, "kafka": part, "commandRunner": part},
		"serverState": state,
	})
}

func (h *handler) ready(w http.ResponseWriter, r *http.Request) {
	if !h.isReady() {
		writeError(w, &ksql.Error{Code: ksql.CodeNotReady, Message: "Server is not ready: the command log is being replayed."})
		return
	}
	empty(w, r)
}

func (h *handler) allStatus(w http.ResponseWriter, _ *http.Request) {
	statuses := map[string]string{}
	for id, s := range h.engine.CommandStatuses() {
		statuses[id] = s.Status
	}
	writeJSON(w, http.StatusOK, map[string]any{"commandStatuses": statuses})
}

func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("type") + "/" + r.PathValue("entity") + "/" + r.PathValue("action")
	status, ok := h.engine.CommandStatuses()[id]
	if !ok {
		writeError(w, &ksql.Error{Code: ksql.CodeNotFound, Message: "Command not found"})
		return
	}
	writeJSON(w, http.StatusOK, status)
}

func (h *handler) clusterStatus(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"clusterStatus": map[string]any{
		r.Host: map[string]any{"hostAlive": true, "activeStandbyPerQuery": map[string]any{}, "hostStoreLags": map[string]any{}},
	}})
}

func (h *handler) isValidProperty(w http.ResponseWriter, r *http.Request) {
	if err := ksql.CheckProperty(r.PathValue("property")); err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, true)
}

func (h *handler) metadata(w http.ResponseWriter, _ *http.Request) {
	info := h.engine.Info()
	writeJSON(w, http.StatusOK, map[string]any{"id": "", "scope": map[string]any{
		"path":     []string{},
		"clusters": map[string]string{"kafka-cluster": info.KafkaClusterID, "ksql-cluster": info.KsqlServiceID},
	}})
}

func (h *handler) metadataID(w http.ResponseWriter, _ *http.Request) {
	info := h.engine.Info()
	writeJSON(w, http.StatusOK, map[string]any{"id": info.KafkaClusterID, "scope": map[string]any{"path": []string{}, "clusters": map[string]string{}}})
}
