// Cancelpeer is one end of a connection that speaks net/rpc with cancellation, as the package keegancsmith/rpc does.
package main

import (
	"context"
	"flag"
	"net"
	"strconv"

	"interop/internal/control"

	"github.com/keegancsmith/rpc"
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
	gate := &Gate{started: make(chan int, 64), cancelled: make(chan int, 64)}
	server := rpc.NewServer()
	if err := server.Register(gate); err != nil {
		control.Fatal("register: %v", err)
	}
	go server.ServeConn(conn)
	control.Serve(control.Commands{
		// started, cancelled: the argument of the next Gate.Hold that began, or whose context ended.
		"started":   func(control.Args) (any, error) { return <-gate.started, nil },
		"cancelled": func(control.Args) (any, error) { return <-gate.cancelled, nil },
	})
}

// Gate holds its callers up until they give up.
type Gate struct{ started, cancelled chan int }

// Hold is Gate.Hold.
func (g *Gate) Hold(ctx context.Context, v int, _ *int) error {
	g.started <- v
	<-ctx.Done()
	g.cancelled <- v
	return ctx.Err()
}

// Double is Gate.Double.
func (g *Gate) Double(_ context.Context, v int, out *int) error { *out = 2 * v; return nil }

func clientCommands(client *rpc.Client) control.Commands {
	calls := make(chan map[string]context.CancelFunc, 1)
	calls <- map[string]context.CancelFunc{}
	return control.Commands{
		// call METHOD N: the call can be given up with "cancel N".
		"call": func(a control.Args) (any, error) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			running := <-calls
			running[a.Word(1)] = cancel
			calls <- running
			var reply int
			err := client.Call(ctx, a.Word(0), a.Int(1), &reply)
			return strconv.Itoa(reply), err
		},
		"cancel": func(a control.Args) (any, error) {
			running := <-calls
			running[a.Word(0)]()
			calls <- running
			return nil, nil
		},
	}
}
