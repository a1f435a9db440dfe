package handler

import (
	"strconv"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// brokerResource names the configs of one broker.
func brokerResource(node int32) metadata.ConfigResource {
	return metadata.ConfigResource{Type: metadata.BrokerResource, Name: strconv.Itoa(int(node))}
}
