// Package stream moves bytes whose values follow from their offsets, so that the other side can check every one.
package stream

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"sync"

	"interop/internal/control"
)

// Table holds streams by number. Its commands are shared by the programs that have streams.
type Table struct {
	mu      sync.Mutex
	streams map[int]*stream
}

type stream struct {
	net.Conn
	readAt, writtenAt int
}

// Adopt keeps a stream under a number.
func (t *Table) Adopt(number int, conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.streams == nil {
		t.streams = map[int]*stream{}
	}
	t.streams[number] = &stream{Conn: conn}
}

// Commands are write, read, drain, echo and half, added to more.
func (t *Table) Commands(more control.Commands) control.Commands {
	maps.Copy(more, control.Commands{
		"write": t.write,
		"read":  t.read,
		"drain": t.drain,
		"echo":  t.echo,
		"half":  func(a control.Args) (any, error) { return nil, t.get(a).Close() },
	})
	return more
}

func (t *Table) get(a control.Args) *stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.streams[a.Int(0)]
	if s == nil {
		control.Fatal("no stream %d", a.Int(0))
	}
	return s
}

// write STREAM BYTES [CHUNK]: in one Write, or in many of CHUNK bytes. Answers what was written.
func (t *Table) write(a control.Args) (any, error) {
	s := t.get(a)
	n, err := Write(s, s.writtenAt, a.Int(1), a.Int(2))
	s.writtenAt += n
	return n, after(n, err)
}

// read STREAM BYTES: exactly so many, each compared.
func (t *Table) read(a control.Args) (any, error) {
	s := t.get(a)
	n, err := Check(s, s.readAt, a.Int(1))
	s.readAt += n
	return n, after(n, err)
}

// drain STREAM: to the end, each byte compared. Answers how many there were.
func (t *Table) drain(a control.Args) (any, error) {
	s := t.get(a)
	n, err := Check(s, s.readAt, -1)
	s.readAt += n
	return n, after(n, err)
}

// echo STREAM: sends back what comes until it ends, then closes. Answers how much it was.
func (t *Table) echo(a control.Args) (any, error) {
	s := t.get(a)
	n, err := io.Copy(s.Conn, s.Conn)
	if err != nil {
		return nil, err
	}
	return n, s.Close()
}

// Write writes size bytes from an offset on, in writes of chunk bytes, or in one if chunk is 0.
func Write(to io.Writer, at, size, chunk int) (int, error) {
	if chunk == 0 {
		chunk = size
	}
	done := 0
	for done < size {
		b := make([]byte, min(chunk, size-done))
		for i := range b {
			b[i] = pattern(at + done + i)
		}
		n, err := to.Write(b)
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Check reads limit bytes from an offset on and compares them; to the end if limit is negative.
func Check(from io.Reader, at, limit int) (int, error) {
	b := make([]byte, 64<<10)
	done := 0
	for done != limit {
		want := len(b)
		if limit >= 0 {
			want = min(want, limit-done)
		}
		n, err := from.Read(b[:want])
		for i := range b[:n] {
			if offset := at + done + i; b[i] != pattern(offset) {
				return done, fmt.Errorf("byte %d is %#x, not %#x", offset, b[i], pattern(offset))
			}
		}
		done += n
		if limit < 0 && errors.Is(err, io.EOF) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func after(n int, err error) error {
	if err != nil {
		return fmt.Errorf("after %d bytes: %w", n, err)
	}
	return nil
}

func pattern(offset int) byte { return byte(offset ^ offset>>8 ^ offset>>16) }
