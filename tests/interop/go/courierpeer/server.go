package main

import (
	"fmt"
	"net/rpc"

	"interop/internal/stream"

	"github.com/hashicorp/go-plugin"
)

// RelayArgs are the arguments of Plugin.Relay.
type RelayArgs struct {
	Name string
	To   uint32
}

// FillArgs are the arguments of Plugin.Fill.
type FillArgs struct {
	Bytes int
	To    uint32
}

type helper struct{ prefix string }

// Say is Plugin.Say of the object that is called back.
func (h *helper) Say(name string, reply *string) error { *reply = h.prefix + name; return nil }

type server struct{ broker *plugin.MuxBroker }

// Relay is Plugin.Relay.
func (s *server) Relay(args RelayArgs, reply *string) error {
	conn, err := s.broker.Dial(args.To)
	if err != nil {
		return err
	}
	client := rpc.NewClient(conn)
	defer client.Close()
	return client.Call("Plugin.Say", args.Name, reply)
}

// Count is Plugin.Count.
func (s *server) Count(id uint32, count *int) error {
	conn, err := s.broker.Dial(id)
	if err != nil {
		return err
	}
	defer conn.Close()
	*count, err = stream.Check(conn, 0, -1)
	return err
}

// Fill is Plugin.Fill.
func (s *server) Fill(args FillArgs, _ *any) error {
	conn, err := s.broker.Dial(args.To)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = stream.Write(conn, 0, args.Bytes, 0)
	return err
}

// Produce is Plugin.Produce.
func (s *server) Produce(size int, id *uint32) error {
	*id = s.broker.NextId()
	go func(id uint32) {
		if conn, err := s.broker.Accept(id); err == nil {
			stream.Write(conn, 0, size, 0)
			conn.Close()
		}
	}(*id)
	return nil
}

// Describe is Plugin.Describe.
func (s *server) Describe(args map[string]any, reply *string) error {
	*reply = fmt.Sprintf("%s %v", args["name"], args["count"])
	return nil
}
