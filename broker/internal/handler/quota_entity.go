package handler

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// The types of quota entities on the wire.
const (
	quotaUser     = "user"
	quotaClientID = "client-id"
	quotaIP       = "ip"
)

// quotaTypes are the types in the order in which answers and messages name
// them, which is that of Java's HashMap.
var quotaTypes = [...]string{quotaClientID, quotaUser, quotaIP}

// quotaPart returns the part of an entity that a type of the wire means, nil
// for a type that nobody knows.
func quotaPart(e *metadata.QuotaEntity, typ string) *metadata.QuotaName {
	switch typ {
	case quotaUser:
		return &e.User
	case quotaClientID:
		return &e.ClientID
	case quotaIP:
		return &e.IP
	}
	return nil
}

// quotaName is a part of an entity by its name, null for the default.
func quotaName(name *string) metadata.QuotaName {
	if name == nil {
		return metadata.QuotaName{Scope: metadata.QuotaDefault}
	}
	return metadata.QuotaName{Scope: metadata.QuotaNamed, Name: *name}
}

// quotaParts lists the parts that an entity has, for an answer.
func quotaParts(e metadata.QuotaEntity, tell func(typ string, name *string)) {
	for _, typ := range quotaTypes {
		switch n := quotaPart(&e, typ); n.Scope {
		case metadata.QuotaDefault:
			tell(typ, nil)
		case metadata.QuotaNamed:
			tell(typ, &n.Name)
		}
	}
}

// invalidQuota is INVALID_REQUEST with Kafka's text.
func invalidQuota(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), kerr.InvalidRequest)
}

// quotaText writes an entity as Java does.
func quotaText(parts map[string]*string) string {
	var all []string
	for _, typ := range quotaTypes {
		name, ok := parts[typ]
		switch {
		case !ok:
		case name == nil:
			all = append(all, typ+"=null")
		default:
			all = append(all, typ+"="+*name)
		}
	}
	return "ClientQuotaEntity(entries={" + strings.Join(all, ", ") + "})"
}
