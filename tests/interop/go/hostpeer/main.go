// Hostpeer is a host on go-plugin: it drives the plugin whose command follows its flags, as its stdin says.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os/exec"
	"strings"
	"sync"
	"time"

	"interop/internal/control"
	"interop/internal/greeter"
	"interop/internal/reattach"
	"interop/internal/tlsfiles"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/metadata"
)

func main() {
	cookie := flag.String("cookie", "BASIC_PLUGIN=hello", "KEY=VALUE")
	protocols := flag.String("protocols", "netrpc", "allowed ones, with commas")
	autoMTLS := flag.Bool("auto-mtls", false, "")
	tlsDir := flag.String("tls", "", "folder of the files for TLS of its own")
	timeout := flag.Duration("start-timeout", time.Minute, "")
	found := flag.String("reattach", "", "JSON of a running plugin, in place of a command")
	socketGroup := flag.String("socket-group", "", "for the plugin's sockets")
	flag.Parse()

	key, value, _ := strings.Cut(*cookie, "=")
	h := &host{}
	config := &plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: key, MagicCookieValue: value},
		Plugins:         map[string]plugin.Plugin{"greeter": &greeter.NetRPC{}},
		StartTimeout:    *timeout,
		AutoMTLS:        *autoMTLS,
		SyncStdout:      &h.stdout,
		SyncStderr:      &h.stderr,
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &h.log, JSONFormat: true}),
	}
	if *found != "" {
		config.Reattach = reattach.Parse(*found)
	} else {
		config.Cmd = exec.Command(flag.Arg(0), flag.Args()[1:]...)
	}
	if *socketGroup != "" {
		config.UnixSocketConfig = &plugin.UnixSocketConfig{Group: *socketGroup}
	}
	if *tlsDir != "" {
		var err error
		if config.TLSConfig, err = tlsfiles.Config(*tlsDir); err != nil {
			control.Fatal("%v", err)
		}
	}
	for _, protocol := range strings.Split(*protocols, ",") {
		config.AllowedProtocols = append(config.AllowedProtocols, plugin.Protocol(protocol))
		if protocol == "grpc" {
			config.Plugins["greeter"] = &greeter.GRPC{}
		}
	}
	// The host knows a plugin that no plugin process serves.
	config.Plugins["absent"] = config.Plugins["greeter"]
	h.client = plugin.NewClient(config)
	control.Serve(control.Commands{
		// start: answers with the transport.
		"start": func(control.Args) (any, error) {
			_, err := h.client.Start()
			return h.client.Protocol(), err
		},
		"connect":  h.connect,
		"dispense": h.dispense,
		"greet":    func(control.Args) (any, error) { return h.greeter.Greet() },
		"say":      func(a control.Args) (any, error) { return h.greeter.Say(strings.Join(a, " ")) },
		"traced":   h.traced,
		"ping":     func(control.Args) (any, error) { return nil, h.protocol.Ping() },
		"kill":     func(control.Args) (any, error) { h.client.Kill(); return nil, nil },
		// close: asks the plugin to quit. The error is that of the call itself: the reply must arrive.
		"close":  func(control.Args) (any, error) { return nil, h.protocol.Close() },
		"exited": func(control.Args) (any, error) { return h.client.Exited(), nil },
		"pid":    func(control.Args) (any, error) { return h.client.ReattachConfig().Pid, nil },
		// reattach: what another host needs to find the plugin.
		"reattach": func(control.Args) (any, error) {
			return reattach.JSON("greeter", h.client.ReattachConfig()), nil
		},
		"version": func(control.Args) (any, error) { return h.client.NegotiatedVersion(), nil },
		// stdout WORDS..., stderr WORDS..., log WORDS...: waits for a line that holds the words and answers with it.
		"stdout": func(a control.Args) (any, error) { return h.stdout.find(strings.Join(a, " ")) },
		"stderr": func(a control.Args) (any, error) { return h.stderr.find(strings.Join(a, " ")) },
		"log":    func(a control.Args) (any, error) { return h.log.find(strings.Join(a, " ")) },
		// logged WORDS...: whether such a line has come already.
		"logged": func(a control.Args) (any, error) {
			return strings.Contains(h.log.text(), strings.Join(a, " ")), nil
		},
		// lines: how many there are on stdout and on stderr.
		"lines": func(control.Args) (any, error) {
			return strings.Count(h.stdout.text(), "\n") + strings.Count(h.stderr.text(), "\n"), nil
		},
	})
}

type host struct {
	client              *plugin.Client
	protocol            plugin.ClientProtocol
	greeter             greeter.Greeter
	stdout, stderr, log buffer
}

func (h *host) connect(control.Args) (_ any, err error) {
	h.protocol, err = h.client.Client()
	return nil, err
}

// dispense [NAME]: connects first if that has not happened.
func (h *host) dispense(a control.Args) (any, error) {
	if h.protocol == nil {
		if _, err := h.connect(nil); err != nil {
			return nil, err
		}
	}
	name := "greeter"
	if len(a) > 0 {
		name = a[0]
	}
	raw, err := h.protocol.Dispense(name)
	if err != nil {
		return nil, err
	}
	h.greeter = raw.(greeter.Greeter)
	return nil, nil
}

// traced TRACEPARENT TRACESTATE WORDS...: says the words over gRPC with this trace context beside them.
func (h *host) traced(a control.Args) (any, error) {
	ctx := metadata.AppendToOutgoingContext(context.Background(), "traceparent", a[0], "tracestate", a[1])
	over, ok := h.greeter.(interface {
		SayWith(context.Context, string) (string, error)
	})
	if !ok {
		return nil, errors.New("not over gRPC")
	}
	return over.SayWith(ctx, strings.Join(a[2:], " "))
}

// buffer collects what is written to it.
type buffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Write(p)
}

func (b *buffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.String()
}

// find waits for a line that holds the text. The test gives up earlier than this does.
func (b *buffer) find(text string) (any, error) {
	for range 5000 {
		for line := range strings.Lines(b.text()) {
			if strings.HasSuffix(line, "\n") && strings.Contains(line, text) {
				return strings.TrimSuffix(line, "\n"), nil
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, errors.New("no such line in:\n" + b.text())
}
