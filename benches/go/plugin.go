package main

import (
	"fmt"
	"net/rpc"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

// Callers of callsAtOnce.
const callers = 64

var handshake = plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "BENCH_PLUGIN", MagicCookieValue: "hello"}

type echoPlugin struct{}

func (echoPlugin) Server(*plugin.MuxBroker) (any, error) { return &server{here{}}, nil }

func (echoPlugin) Client(_ *plugin.MuxBroker, client *rpc.Client) (any, error) {
	return &caller{client}, nil
}

var plugins = map[string]plugin.Plugin{"echo": echoPlugin{}}

func servePlugin() {
	plugin.Serve(&plugin.ServeConfig{HandshakeConfig: handshake, Plugins: plugins, Logger: hclog.NewNullLogger()})
}

// host is a host with one plugin started and dispensed.
type host struct {
	client *plugin.Client
	object Echoing
	pid    int
}

func startPlugin(command *exec.Cmd) host {
	if options.transport == "grpc" {
		return startGRPCPlugin(command)
	}
	return startWith(&plugin.ClientConfig{
		HandshakeConfig: handshake, Plugins: plugins, Cmd: command, Logger: hclog.NewNullLogger(),
	})
}

func startWith(config *plugin.ClientConfig) host {
	client := plugin.NewClient(config)
	protocol, err := client.Client()
	check(err)
	object, err := protocol.Dispense("echo")
	check(err)
	return host{client, object.(Echoing), client.ReattachConfig().Pid}
}

// pluginCalls makes one call after the other.
func pluginCalls(size int) map[string]float64 {
	host := startPlugin(otherEnd("plugin"))
	defer host.client.Kill()
	return calls(host.object, size)
}

// callsAtOnce has many callers, each with one call after the other.
func callsAtOnce() map[string]float64 {
	host := startPlugin(otherEnd("plugin"))
	defer host.client.Kill()
	warmUp(host.object)
	watch := startWatch(host.pid)
	var count atomic.Uint64
	done := make(chan struct{})
	for range callers {
		go func() {
			payload, own := bytesOf(64), uint64(0)
			for start := time.Now(); time.Since(start) < options.time; own++ {
				var err error
				payload, err = host.object.Echo(payload)
				check(err)
			}
			if len(payload) != 64 {
				fail(fmt.Errorf("the echo is wrong"))
			}
			count.Add(own)
			done <- struct{}{}
		}()
	}
	for range callers {
		<-done
	}
	total := float64(count.Load())
	return watch.figures("per_second", total, total)
}

// Launches even if the time is over.
const launches = 5

// firstCall starts a plugin, dispenses from it and makes one call, again and again; the end of the plugin is not timed.
func firstCall() map[string]float64 {
	var l latencies
	for begin := time.Now(); time.Since(begin) < options.time || len(l) < launches; {
		start := time.Now()
		host := startPlugin(otherEnd("plugin"))
		_, err := host.object.Echo(bytesOf(64))
		check(err)
		l.push(start)
		host.client.Kill()
	}
	return l.figures()
}
