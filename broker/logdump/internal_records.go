package logdump

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// coordinatorKey is `{"type":"2","data":{...}}` of a record of __consumer_offsets or __transaction_state.
func coordinatorKey(family string, key []byte) (text string, kindOf int16, err error) {
	if len(key) < 2 {
		return "", 0, fmt.Errorf("key: %w", errShort)
	}
	kindOf = int16(binary.BigEndian.Uint16(key))
	s, ok := find(family, kindOf, true)
	if !ok {
		return "", kindOf, fmt.Errorf("unknown record type %d", kindOf)
	}
	data, err := s.decode(key[2:], s.min, nil)
	if err != nil {
		return "", kindOf, err
	}
	return fmt.Sprintf(`{"type":"%d","data":%s}`, kindOf, data), kindOf, nil
}

// coordinatorValue is `{"version":"3","data":{...}}`; without a value it is <DELETE>.
func coordinatorValue(family string, kindOf int16, value []byte) (string, error) {
	if value == nil {
		return "<DELETE>", nil
	}
	if len(value) < 2 {
		return "", fmt.Errorf("value: %w", errShort)
	}
	s, ok := find(family, kindOf, false)
	if !ok {
		return "", fmt.Errorf("unknown record type %d", kindOf)
	}
	version := int16(binary.BigEndian.Uint16(value))
	var special func(string, []byte) (string, bool)
	if s.name == "GroupMetadataValue" {
		special = consumerProtocol
	}
	data, err := s.decode(value[2:], version, special)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`{"version":"%d","data":%s}`, version, data), nil
}

// consumerProtocol decodes what members of a classic group tell each other, where it is that of consumers.
func consumerProtocol(name string, value []byte) (string, bool) {
	var s *schema
	switch name {
	case "subscription":
		s = named("ConsumerProtocolSubscription")
	case "assignment":
		s = named("ConsumerProtocolAssignment")
	default:
		return "", false
	}
	if len(value) < 2 {
		return "", false
	}
	version := min(int16(binary.BigEndian.Uint16(value)), s.max)
	text, err := s.decode(value[2:], version, nil)
	return text, err == nil
}

// metadataRecord is `{"type":"TOPIC_RECORD","version":0,"data":{...}}` of a record of Kafka's __cluster_metadata.
func metadataRecord(value []byte) (string, error) {
	d := &decoder{in: value}
	frame, err := d.uvarint()
	if err != nil {
		return "", err
	}
	key, err := d.uvarint()
	if err != nil {
		return "", err
	}
	version, err := d.uvarint()
	if err != nil {
		return "", err
	}
	if frame != 1 {
		return "", fmt.Errorf("frame has version %d, known is 1", frame)
	}
	s, ok := find("metadata", int16(key), false)
	if !ok || key > 1<<14 || version > 1<<14 {
		return "", fmt.Errorf("unknown record type %d", key)
	}
	data, err := s.decode(d.in, int16(version), nil)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`{"type":"%s","version":%d,"data":%s}`, upperSnake(s.name), version, data), nil
}

// upperSnake writes TopicRecord as TOPIC_RECORD.
func upperSnake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// controlText describes a control record as DumpLogSegments does.
func controlText(key, value []byte) (string, error) {
	if len(key) < 4 {
		return "", fmt.Errorf("control record: key: %w", errShort)
	}
	kindOf := int16(binary.BigEndian.Uint16(key[2:]))
	switch kindOf {
	case 0, 1:
		if len(value) < 6 {
			return "", fmt.Errorf("control record: value: %w", errShort)
		}
		name := [...]string{"ABORT", "COMMIT"}[kindOf]
		return fmt.Sprintf(" endTxnMarker: %s coordinatorEpoch: %d", name, int32(binary.BigEndian.Uint32(value[2:]))), nil
	case 2:
		return controlMessage(" LeaderChange: ", "LeaderChangeMessage", value)
	case 3:
		return controlMessage(" SnapshotHeader ", "SnapshotHeaderRecord", value)
	case 4:
		return controlMessage(" SnapshotFooter ", "SnapshotFooterRecord", value)
	case 5:
		return controlMessage(" KRaftVersion ", "KRaftVersionRecord", value)
	case 6:
		return controlMessage(" KRaftVoters ", "VotersRecord", value)
	}
	return fmt.Sprintf(" controlType: UNKNOWN(%d)", kindOf), nil
}

func controlMessage(title, name string, value []byte) (string, error) {
	if len(value) < 2 {
		return "", fmt.Errorf("control record: value: %w", errShort)
	}
	// the first field of each of these messages is its version
	text, err := named(name).decode(value, int16(binary.BigEndian.Uint16(value)), nil)
	return title + text, err
}
