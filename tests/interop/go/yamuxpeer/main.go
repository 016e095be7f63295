// Yamuxpeer is one end of a hashicorp/yamux session, doing what the commands on its stdin say.
package main

import (
	"flag"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"interop/internal/control"
	"interop/internal/stream"

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
	p := &peer{conn: &tap{Conn: conn, received: map[string]int{}}}
	if *role == "client" {
		p.session, err = yamux.Client(p.conn, config)
	} else {
		p.session, err = yamux.Server(p.conn, config)
	}
	if err != nil {
		control.Fatal("session: %v", err)
	}
	control.Serve(p.streams.Commands(control.Commands{
		"open":   func(control.Args) (any, error) { return p.adopt(p.session.OpenStream()) },
		"accept": func(control.Args) (any, error) { return p.adopt(p.session.AcceptStream()) },
		"serve":  p.serve,
		"ping":   func(control.Args) (any, error) { return p.session.Ping() },
		"goaway": func(control.Args) (any, error) { return nil, p.session.GoAway() },
		"close":  func(control.Args) (any, error) { return nil, p.session.Close() },
		"cut":    func(control.Args) (any, error) { return nil, conn.Close() },
		"live":   func(control.Args) (any, error) { return p.session.NumStreams(), nil },
		"frames": func(a control.Args) (any, error) { return p.conn.count(a.Word(0)), nil },
		"reason": p.reason,
		"closed": func(control.Args) (any, error) { return p.session.IsClosed(), nil },
	}))
}

type peer struct {
	conn    *tap
	session *yamux.Session
	streams stream.Table
}

func (p *peer) adopt(s *yamux.Stream, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	p.streams.Adopt(int(s.StreamID()), s)
	return s.StreamID(), nil
}

// serve N: accepts so many streams and sends back what comes on each. Answers when the last has ended.
func (p *peer) serve(a control.Args) (any, error) {
	var streams sync.WaitGroup
	for range a.Int(0) {
		s, err := p.session.AcceptStream()
		if err != nil {
			return nil, err
		}
		streams.Add(1)
		go func() {
			defer streams.Done()
			io.Copy(s, s)
			s.Close()
		}()
	}
	streams.Wait()
	return nil, nil
}

// reason: waits for the session's end and tells its cause.
func (p *peer) reason(control.Args) (any, error) {
	<-p.session.CloseChan()
	// The cause is recorded after the channel is closed.
	time.Sleep(50 * time.Millisecond)
	_, err := p.session.Accept()
	return err, nil
}
