package main

import (
	"encoding/binary"
	"net"
	"sync"
)

// tap counts the frames that arrive.
type tap struct {
	net.Conn

	mu       sync.Mutex
	header   []byte
	body     int
	received map[string]int
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.feed(b[:n])
	return n, err
}

func (t *tap) feed(b []byte) {
	for len(b) > 0 {
		if t.body > 0 {
			skip := min(t.body, len(b))
			t.body -= skip
			b = b[skip:]
			continue
		}
		take := min(12-len(t.header), len(b))
		t.header = append(t.header, b[:take]...)
		b = b[take:]
		if len(t.header) < 12 {
			return
		}
		kind := [...]string{"data", "window", "ping", "goaway"}[t.header[1]&3]
		t.received[kind]++
		flags := binary.BigEndian.Uint16(t.header[2:])
		for i, flag := range []string{"syn", "ack", "fin", "rst"} {
			if flags&(1<<i) != 0 {
				t.received[kind+"+"+flag]++
			}
		}
		if kind == "data" {
			t.body = int(binary.BigEndian.Uint32(t.header[8:]))
		}
		t.header = t.header[:0]
	}
}

// count tells how many frames of a kind ("ping"), or of a kind with a flag ("ping+syn"), have arrived.
func (t *tap) count(kind string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.received[kind]
}
