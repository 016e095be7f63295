// Brokerpeer is one end of a go-plugin net/rpc connection without the processes around it: go-plugin's own client or
// server side on a Unix socket, whose MuxBroker does what the commands on stdin say.
package main

import (
	"flag"
	"io"
	"net"
	"net/rpc"
	"strings"
	"sync/atomic"

	"interop/internal/control"
	"interop/internal/stream"

	"github.com/hashicorp/go-plugin"
)

func main() {
	socket := flag.String("connect", "", "Unix socket to connect to")
	role := flag.String("role", "host", "host or plugin")
	flag.Parse()

	conn, err := net.Dial("unix", *socket)
	if err != nil {
		control.Fatal("connect: %v", err)
	}
	p := &peer{ready: make(chan struct{})}
	plugins := map[string]plugin.Plugin{"probe": p}
	commands := control.Commands{
		// ready: waits until the other side has dispensed "probe", which is when a plugin gets its broker.
		"ready":  func(control.Args) (any, error) { <-p.ready; return nil, nil },
		"next":   func(control.Args) (any, error) { return p.broker.NextId(), nil },
		"accept": func(a control.Args) (any, error) { return p.adopt(p.broker.Accept(uint32(a.Int(0)))) },
		"dial":   func(a control.Args) (any, error) { return p.adopt(p.broker.Dial(uint32(a.Int(0)))) },
		"serve":  p.serve,
		"add":    p.add,
		"copy":   p.copy,
	}
	if *role == "host" {
		client, err := plugin.NewRPCClient(conn, plugins)
		if err != nil {
			control.Fatal("client: %v", err)
		}
		commands["dispense"] = func(a control.Args) (any, error) {
			_, err := client.Dispense("probe")
			return nil, err
		}
		commands["control-ping"] = func(control.Args) (any, error) { return nil, client.Ping() }
		commands["quit"] = func(control.Args) (any, error) { return nil, client.Close() }
	} else {
		silent, _ := io.Pipe()
		server := &plugin.RPCServer{Plugins: plugins, Stdout: silent, Stderr: silent}
		go server.ServeConn(conn)
	}
	control.Serve(p.streams.Commands(commands))
}

type peer struct {
	broker  *plugin.MuxBroker
	client  *rpc.Client
	ready   chan struct{}
	streams stream.Table
	handles atomic.Int64
}

// Server is the plugin's half of plugin.Plugin.
func (p *peer) Server(b *plugin.MuxBroker) (any, error) {
	if p.broker == nil {
		p.broker = b
		close(p.ready)
	}
	return &adder{}, nil
}

// Client is the host's half of plugin.Plugin.
func (p *peer) Client(b *plugin.MuxBroker, c *rpc.Client) (any, error) {
	p.broker, p.client = b, c
	return p, nil
}

func (p *peer) adopt(conn net.Conn, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	handle := int(p.handles.Add(1))
	p.streams.Adopt(handle, conn)
	return handle, nil
}

// serve ID: accepts it and serves net/rpc on it until the other side closes.
func (p *peer) serve(a control.Args) (any, error) {
	p.broker.AcceptAndServe(uint32(a.Int(0)), &adder{})
	return nil, nil
}

// add ID A B: calls Plugin.Add on the broker id, on the dispensed plugin if it is 0.
func (p *peer) add(a control.Args) (any, error) {
	client := p.client
	if id := a.Int(0); id != 0 {
		conn, err := p.broker.Dial(uint32(id))
		if err != nil {
			return nil, err
		}
		client = rpc.NewClient(conn)
		defer client.Close()
	}
	var sum int
	err := client.Call("Plugin.Add", AddArgs{a.Int(1), a.Int(2)}, &sum)
	return sum, err
}

// copy ID WORDS...: accepts the id and writes the words to it, as one hands an io.Reader to the other side.
func (p *peer) copy(a control.Args) (any, error) {
	conn, err := p.broker.Accept(uint32(a.Int(0)))
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(conn, strings.NewReader(strings.Join(a[1:], " ")))
	if err != nil {
		return nil, err
	}
	return n, conn.Close()
}

// AddArgs are the arguments of Plugin.Add.
type AddArgs struct{ A, B int }

type adder struct{}

// Add is Plugin.Add.
func (*adder) Add(args AddArgs, sum *int) error {
	*sum = args.A + args.B
	return nil
}
