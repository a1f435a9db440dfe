package quota

import (
	"math"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// kind is what a client may have a limit of.
type kind int8

const (
	produce kind = iota
	fetch
	request
	mutation
	numKinds
)

// name is the value of the label "quota" of metrics.
func (k kind) name() string {
	return [numKinds]string{"produce", "fetch", "request", "controller_mutation"}[k]
}

// Key is one of the limits that an entity may have.
type Key struct {
	// Name is what requests call it.
	Name string
	// Max is the largest value, and Type the article and name that Kafka has for its type. Fraction tells that it is no whole number.
	Max      float64
	Type     string
	Fraction bool

	kind kind
	ip   bool // for addresses; else for users and client ids
}

// connectionRate is the key of addresses.
const connectionRate = "connection_creation_rate"

var keys = [...]Key{
	{Name: "producer_byte_rate", Max: math.MaxInt64, Type: "a LONG", kind: produce},
	{Name: "consumer_byte_rate", Max: math.MaxInt64, Type: "a LONG", kind: fetch},
	{Name: "request_percentage", Max: math.MaxFloat64, Fraction: true, kind: request},
	{Name: "controller_mutation_rate", Max: math.MaxFloat64, Fraction: true, kind: mutation},
	{Name: connectionRate, Max: math.MaxInt32, Type: "an INT", ip: true},
}

// KeyOf finds a key by its name, among those that the entity may have.
func KeyOf(e metadata.QuotaEntity, name string) (Key, bool) {
	for _, k := range keys {
		if k.Name == name && k.ip == (e.IP.Scope != metadata.QuotaAny) {
			return k, true
		}
	}
	return Key{}, false
}
