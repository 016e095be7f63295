// Courierpeer carries objects and bytes beside its calls: with the flag -plugin as a plugin over net/rpc, else as the
// host of the plugin whose command is its argument.
package main

import (
	"flag"
	"net/rpc"
	"os/exec"

	"interop/internal/control"
	"interop/internal/stream"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

var handshake = plugin.HandshakeConfig{
	ProtocolVersion: 1, MagicCookieKey: "BASIC_PLUGIN", MagicCookieValue: "hello",
}

func main() {
	serve := flag.Bool("plugin", false, "be the plugin")
	autoMTLS := flag.Bool("auto-mtls", false, "as a host, have both sides make certificates")
	flag.Parse()

	c := &courier{}
	plugins := map[string]plugin.Plugin{"courier": c}
	if *serve {
		plugin.Serve(&plugin.ServeConfig{HandshakeConfig: handshake, Plugins: plugins})
		return
	}
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: handshake,
		Plugins:         plugins,
		Cmd:             exec.Command(flag.Arg(0), flag.Args()[1:]...),
		AutoMTLS:        *autoMTLS,
		Logger:          hclog.NewNullLogger(),
	})
	control.Serve(control.Commands{
		"dispense": func(control.Args) (any, error) {
			protocol, err := client.Client()
			if err != nil {
				return nil, err
			}
			_, err = protocol.Dispense("courier")
			return nil, err
		},
		"relay":    c.relay,
		"count":    c.count,
		"fill":     c.fill,
		"produce":  c.produce,
		"describe": c.describe,
		"kill":     func(control.Args) (any, error) { client.Kill(); return nil, nil },
	})
}

// courier is the plugin type, and on the host's side the dispensed plugin.
type courier struct {
	broker *plugin.MuxBroker
	client *rpc.Client
}

func (c *courier) Server(b *plugin.MuxBroker) (any, error) { return &server{b}, nil }

func (c *courier) Client(b *plugin.MuxBroker, client *rpc.Client) (any, error) {
	c.broker, c.client = b, client
	return c, nil
}

// relay NAME: the plugin greets through an object of this host.
func (c *courier) relay(a control.Args) (any, error) {
	id := c.broker.NextId()
	go c.broker.AcceptAndServe(id, &helper{"the host says hello "})
	var reply string
	err := c.client.Call("Plugin.Relay", RelayArgs{a.Word(0), id}, &reply)
	return reply, err
}

// count N: the plugin reads that many bytes from this host.
func (c *courier) count(a control.Args) (any, error) {
	id := c.broker.NextId()
	written := make(chan error)
	go func() {
		conn, err := c.broker.Accept(id)
		if err == nil {
			_, err = stream.Write(conn, 0, a.Int(0), 0)
			conn.Close()
		}
		written <- err
	}()
	var count int
	if err := c.client.Call("Plugin.Count", id, &count); err != nil {
		return nil, err
	}
	return count, <-written
}

// fill N: the plugin writes that many bytes to this host. Answers how many came.
func (c *courier) fill(a control.Args) (any, error) {
	id := c.broker.NextId()
	read := make(chan int)
	go func() {
		n := -1
		if conn, err := c.broker.Accept(id); err == nil {
			if n, err = stream.Check(conn, 0, -1); err != nil {
				control.Fatal("fill: %v", err)
			}
			conn.Close()
		}
		read <- n
	}()
	if err := c.client.Call("Plugin.Fill", FillArgs{a.Int(0), id}, new(any)); err != nil {
		return nil, err
	}
	return <-read, nil
}

// produce N: the plugin hands out that many bytes. Answers how many came.
func (c *courier) produce(a control.Args) (any, error) {
	var id uint32
	if err := c.client.Call("Plugin.Produce", a.Int(0), &id); err != nil {
		return nil, err
	}
	conn, err := c.broker.Dial(id)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return stream.Check(conn, 0, -1)
}

// describe NAME COUNT: named arguments, as go-plugin's examples send them.
func (c *courier) describe(a control.Args) (any, error) {
	var reply string
	args := map[string]any{"name": a.Word(0), "count": int64(a.Int(1))}
	err := c.client.Call("Plugin.Describe", args, &reply)
	return reply, err
}
