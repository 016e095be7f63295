package main

import (
	"bytes"
	"fmt"
	"net"
	"net/rpc"
	"time"
)

// Calls before anything is measured: types are defined, buffers have grown.
const warmUps = 50

// Echoing is what the plugin does.
type Echoing interface {
	Echo(payload []byte) ([]byte, error)
}

type here struct{}

func (here) Echo(payload []byte) ([]byte, error) { return payload, nil }

// server is the net/rpc service for an Echoing.
type server struct{ object Echoing }

func (s *server) Echo(payload []byte, reply *[]byte) (err error) {
	*reply, err = s.object.Echo(payload)
	return
}

// caller is the Echoing at the other end of a connection.
type caller struct{ client *rpc.Client }

func (c *caller) Echo(payload []byte) (reply []byte, err error) {
	err = c.client.Call("Plugin.Echo", payload, &reply)
	return
}

func warmUp(object Echoing) {
	for range warmUps {
		_, err := object.Echo(bytesOf(64))
		check(err)
	}
}

// calls makes one call after the other, each with what the last one gave back.
func calls(object Echoing, size int) map[string]float64 {
	warmUp(object)
	payload := bytesOf(size)
	var l latencies
	for begin := time.Now(); time.Since(begin) < options.time; {
		start := time.Now()
		var err error
		payload, err = object.Echo(payload)
		check(err)
		l.push(start)
	}
	if !bytes.Equal(payload, bytesOf(size)) {
		fail(fmt.Errorf("the echo is wrong"))
	}
	return l.figures()
}

// overSocket: without yamux and go-plugin, net/rpc alone on a Unix socket to another process.
func overSocket() map[string]float64 {
	command, conn := startOther("rpc-echo")
	defer end(command)
	return calls(&caller{rpc.NewClient(conn)}, 64)
}

// serveSocket is the other end of overSocket.
func serveSocket() {
	conn, err := net.Dial("unix", options.socket)
	check(err)
	services := rpc.NewServer()
	check(services.RegisterName("Plugin", &server{here{}}))
	services.ServeConn(conn)
}
