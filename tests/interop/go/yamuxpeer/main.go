// Yamuxpeer is one end of a hashicorp/yamux session, doing what the commands on its stdin say.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"interop/internal/control"

	"github.com/hashicorp/yamux"
)

func main() {
	config := yamux.DefaultConfig()
	config.LogOutput = os.Stderr
	socket := flag.String("connect", "", "Unix socket to connect to")
	role := flag.String("role", "client", "client or server")
	flag.IntVar(&config.AcceptBacklog, "backlog", config.AcceptBacklog, "")
	flag.BoolVar(&config.EnableKeepAlive, "keepalive", config.EnableKeepAlive, "")
	flag.DurationVar(&config.KeepAliveInterval, "keepalive-interval", config.KeepAliveInterval, "")
	flag.DurationVar(&config.ConnectionWriteTimeout, "write-timeout", config.ConnectionWriteTimeout, "")
	flag.DurationVar(&config.StreamOpenTimeout, "open-timeout", config.StreamOpenTimeout, "")
	flag.DurationVar(&config.StreamCloseTimeout, "close-timeout", config.StreamCloseTimeout, "")
	flag.Parse()

	conn, err := net.Dial("unix", *socket)
	if err != nil {
		control.Fatal("connect: %v", err)
	}
	p := &peer{conn: &tap{Conn: conn, received: map[string]int{}}, streams: map[int]*stream{}}
	if *role == "client" {
		p.session, err = yamux.Client(p.conn, config)
	} else {
		p.session, err = yamux.Server(p.conn, config)
	}
	if err != nil {
		control.Fatal("session: %v", err)
	}
	control.Serve(control.Commands{
		"open":    func(control.Args) (any, error) { return p.adopt(p.session.OpenStream()) },
		"accept":  func(control.Args) (any, error) { return p.adopt(p.session.AcceptStream()) },
		"write":   p.write,
		"read":    p.read,
		"drain":   p.drain,
		"echo":    p.echo,
		"half":    func(a control.Args) (any, error) { return nil, p.stream(a).Close() },
		"ping":    func(control.Args) (any, error) { return p.session.Ping() },
		"goaway":  func(control.Args) (any, error) { return nil, p.session.GoAway() },
		"close":   func(control.Args) (any, error) { return nil, p.session.Close() },
		"cut":     func(control.Args) (any, error) { return nil, conn.Close() },
		"streams": func(control.Args) (any, error) { return p.session.NumStreams(), nil },
		"frames":  func(a control.Args) (any, error) { return p.conn.count(a.Word(0)), nil },
		"reason":  p.reason,
		"alive":   func(control.Args) (any, error) { return !p.session.IsClosed(), nil },
	})
}

type peer struct {
	conn    *tap
	session *yamux.Session

	mu      sync.Mutex
	streams map[int]*stream
}

// stream knows how far each direction is, since the byte at an offset is a function of the offset.
type stream struct {
	*yamux.Stream
	readAt, writtenAt int
}

func (p *peer) adopt(s *yamux.Stream, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	id := int(s.StreamID())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streams[id] = &stream{Stream: s}
	return id, nil
}

func (p *peer) stream(a control.Args) *stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.streams[a.Int(0)]
	if s == nil {
		control.Fatal("no stream %d", a.Int(0))
	}
	return s
}

// write STREAM BYTES [CHUNK]: in one Write, or in many of CHUNK bytes. Answers what was written.
func (p *peer) write(a control.Args) (any, error) {
	s, size, chunk := p.stream(a), a.Int(1), a.Int(2)
	if chunk == 0 {
		chunk = size
	}
	written := 0
	for written < size {
		b := make([]byte, min(chunk, size-written))
		for i := range b {
			b[i] = pattern(s.writtenAt + i)
		}
		n, err := s.Write(b)
		written += n
		s.writtenAt += n
		if err != nil {
			return nil, fmt.Errorf("after %d bytes: %w", written, err)
		}
	}
	return written, nil
}

// read STREAM BYTES: exactly so many, each compared.
func (p *peer) read(a control.Args) (any, error) {
	n, err := p.stream(a).check(a.Int(1))
	if err != nil {
		return nil, fmt.Errorf("after %d bytes: %w", n, err)
	}
	return n, nil
}

// drain STREAM: to the end, each byte compared. Answers how many there were.
func (p *peer) drain(a control.Args) (any, error) {
	n, err := p.stream(a).check(-1)
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("after %d bytes: %w", n, err)
	}
	return n, nil
}

// check reads limit bytes, or to the end if it is negative.
func (s *stream) check(limit int) (int, error) {
	b := make([]byte, 64<<10)
	done := 0
	for done != limit {
		want := len(b)
		if limit >= 0 {
			want = min(want, limit-done)
		}
		n, err := s.Read(b[:want])
		for i := range b[:n] {
			if b[i] != pattern(s.readAt+i) {
				return done, fmt.Errorf("byte %d is %#x, not %#x", s.readAt+i, b[i], pattern(s.readAt+i))
			}
		}
		done += n
		s.readAt += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// echo STREAM: sends back what comes until it ends, then closes. Answers how much it was.
func (p *peer) echo(a control.Args) (any, error) {
	s := p.stream(a)
	n, err := io.Copy(s.Stream, s.Stream)
	if err != nil {
		return nil, err
	}
	return n, s.Close()
}

// reason: waits for the session's end and tells its cause.
func (p *peer) reason(control.Args) (any, error) {
	<-p.session.CloseChan()
	// The cause is recorded after the channel is closed.
	time.Sleep(50 * time.Millisecond)
	_, err := p.session.Accept()
	return err, nil
}

func pattern(offset int) byte { return byte(offset ^ offset>>8 ^ offset>>16) }
