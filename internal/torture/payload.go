package torture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// payload is what the value of a record says of itself, so that a reader can tell whether it got the right bytes.
type payload struct {
	value, source int64
	worker        int
	topic         string
	partition     int32
	pad           int // further bytes, made from value
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Layout: value int64, source int64, worker int32, partition int32, topic length uint8, topic, pad, CRC-32C of all that.
const payloadFixed = 8 + 8 + 4 + 4 + 1

func (p payload) encode() []byte {
	b := make([]byte, 0, payloadFixed+len(p.topic)+p.pad+4)
	b = binary.BigEndian.AppendUint64(b, uint64(p.value))
	b = binary.BigEndian.AppendUint64(b, uint64(p.source))
	b = binary.BigEndian.AppendUint32(b, uint32(p.worker))
	b = binary.BigEndian.AppendUint32(b, uint32(p.partition))
	b = append(b, byte(len(p.topic)))
	b = append(b, p.topic...)
	for i := range p.pad {
		b = append(b, byte(p.value>>(i%7))+byte(i))
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodePayload(b []byte) (payload, error) {
	if len(b) < payloadFixed+4 {
		return payload{}, fmt.Errorf("value of %d bytes", len(b))
	}
	sum := binary.BigEndian.Uint32(b[len(b)-4:])
	if b = b[:len(b)-4]; crc32.Checksum(b, castagnoli) != sum {
		return payload{}, errors.New("checksum of the value is wrong")
	}
	p := payload{
		value: int64(binary.BigEndian.Uint64(b)), source: int64(binary.BigEndian.Uint64(b[8:])),
		worker: int(int32(binary.BigEndian.Uint32(b[16:]))), partition: int32(binary.BigEndian.Uint32(b[20:])),
	}
	n := int(b[24])
	if len(b) < payloadFixed+n {
		return payload{}, errors.New("topic of the value is cut")
	}
	p.topic, p.pad = string(b[payloadFixed:payloadFixed+n]), len(b)-payloadFixed-n
	return p, nil
}
