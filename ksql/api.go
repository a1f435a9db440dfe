package ksql

import "github.com/chortal/chortal/ksql/internal/api"

// The values that the engine answers with. Package client exports the same types.
type (
	// Error is a refused statement or a failed query, with its place in the text.
	Error = api.Error
	// Code is a ksqlDB error code.
	Code = api.Code
	// Entity is the answer to one statement, in ksqlDB's JSON shape.
	Entity = api.Entity
	// CommandStatus says what became of a command.
	CommandStatus = api.CommandStatus
	// ServerInfo names the engine's version, cluster and service id.
	ServerInfo = api.ServerInfo
)

// The codes of errors that callers tell apart.
const (
	CodeBadRequest    = api.CodeBadRequest
	CodeBadStatement  = api.CodeBadStatement
	CodeWrongEndpoint = api.CodeWrongEndpoint
	CodeNotFound      = api.CodeNotFound
	CodeServerError   = api.CodeServerError
	CodeNotReady      = api.CodeNotReady
	CodeShuttingDown  = api.CodeShuttingDown
)
