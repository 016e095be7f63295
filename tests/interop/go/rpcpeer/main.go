// Rpcpeer is one end of a Go net/rpc connection: a server, or a client that makes the calls named on its stdin.
package main

import (
	"flag"
	"net"
	"net/rpc"

	"interop/internal/control"
)

func main() {
	socket := flag.String("connect", "", "Unix socket to connect to")
	role := flag.String("role", "client", "client or server")
	flag.Parse()

	conn, err := net.Dial("unix", *socket)
	if err != nil {
		control.Fatal("connect: %v", err)
	}
	if *role == "client" {
		control.Serve(clientCommands(rpc.NewClient(conn)))
	}
	gate := &Gate{open: make(chan struct{}), waiting: make(chan struct{}, 64)}
	server := rpc.NewServer()
	for _, service := range []any{new(Arith), new(Echo), new(Broken), gate} {
		if err := server.Register(service); err != nil {
			control.Fatal("register: %v", err)
		}
	}
	ended := make(chan struct{})
	go func() {
		server.ServeConn(conn)
		close(ended)
	}()
	control.Serve(control.Commands{
		// waiting: waits until one more Gate.Wait has started.
		"waiting": func(control.Args) (any, error) { <-gate.waiting; return nil, nil },
		// open: lets every Gate.Wait return.
		"open": func(control.Args) (any, error) { close(gate.open); return nil, nil },
		// ended: waits until the server has left the connection.
		"ended": func(control.Args) (any, error) { <-ended; return nil, nil },
	})
}
