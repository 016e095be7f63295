// Greeterplugin is a plugin on go-plugin, over net/rpc or with the flag -grpc over gRPC, that prints, logs and dies when
// it is asked to.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"interop/internal/greeter"
	"interop/internal/reattach"
	"interop/internal/tlsfiles"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

func main() {
	useGRPC := flag.Bool("grpc", false, "serve gRPC")
	version := flag.Uint("version", 1, "of the application, without -versions")
	versions := flag.Bool("versions", false, "serve version 1 over net/rpc and version 2 over gRPC")
	tlsDir := flag.String("tls", "", "folder of the files for TLS of its own")
	cookie := flag.String("cookie", "BASIC_PLUGIN=hello", "KEY=VALUE")
	dieInDispense := flag.Bool("die-in-dispense", false, "exit with 9 when the host dispenses over net/rpc")
	linger := flag.Duration("linger", 0, "how long to live on when the host has asked for the end")
	test := flag.Bool("test", false, "serve as in a test or debugger: prints JSON, ends with stdin")
	flag.Parse()

	key, value, _ := strings.Cut(*cookie, "=")
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: os.Stderr, JSONFormat: true})
	impl := &impl{logger}
	config := &plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{ProtocolVersion: *version, MagicCookieKey: key, MagicCookieValue: value},
		Plugins:         map[string]plugin.Plugin{"greeter": &greeter.NetRPC{Impl: impl}},
		TLSProvider:     tlsfiles.Provider(*tlsDir),
		Logger:          logger,
	}
	if *dieInDispense {
		config.Plugins = map[string]plugin.Plugin{"greeter": &dying{}}
	}
	if *useGRPC {
		config.Plugins = map[string]plugin.Plugin{"greeter": &greeter.GRPC{Impl: impl}}
		config.GRPCServer = plugin.DefaultGRPCServer
	}
	if *versions {
		config.Plugins = nil
		config.VersionedPlugins = map[int]plugin.PluginSet{
			1: {"greeter": &greeter.NetRPC{Impl: impl}},
			2: {"greeter": &greeter.GRPC{Impl: impl}},
		}
		config.GRPCServer = plugin.DefaultGRPCServer
	}
	logger.Info("about to serve", "pid", os.Getpid(), "transport", *useGRPC)
	if *test {
		serveTest(config)
	} else {
		plugin.Serve(config)
		time.Sleep(*linger)
	}
}

// dying has no server to give.
type dying struct{ greeter.NetRPC }

func (*dying) Server(*plugin.MuxBroker) (any, error) {
	os.Exit(9)
	return nil, nil
}

// serveTest serves without a host's command, as a provider does in a debugger.
func serveTest(config *plugin.ServeConfig) {
	ctx, cancel := context.WithCancel(context.Background())
	found, closed := make(chan *plugin.ReattachConfig), make(chan struct{})
	config.Test = &plugin.ServeTestConfig{Context: ctx, ReattachConfigCh: found, CloseCh: closed}
	go plugin.Serve(config)
	fmt.Println(reattach.JSON("greeter", <-found))
	io.Copy(io.Discard, os.Stdin)
	cancel()
	<-closed
}

type impl struct{ logger hclog.Logger }

func (i *impl) Greet() (string, error) { return "Hello!", nil }

// Say greets, or does what a name of the form "!VERB REST" says.
func (i *impl) Say(name string) (string, error) {
	verb, rest, _ := strings.Cut(name, " ")
	switch verb {
	case "!stdout":
		fmt.Println(rest)
	case "!stderr":
		fmt.Fprintln(os.Stderr, rest)
	case "!log":
		level, text, _ := strings.Cut(rest, " ")
		i.logger.Log(hclog.LevelFromString(level), text, "count", 3, "who", "a plugin")
	case "!fail":
		return "", errors.New(rest)
	case "!exit":
		code, _ := strconv.Atoi(rest)
		os.Exit(code)
	case "!panic":
		go panic(rest)
		select {}
	case "!hang":
		// Tells in a file who hangs.
		if err := os.WriteFile(rest, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
			return "", err
		}
		select {}
	case "!sleep":
		pause, err := time.ParseDuration(rest)
		if err != nil {
			return "", err
		}
		time.Sleep(pause)
	case "!env":
		return os.Getenv(rest), nil
	case "!lines":
		// As many numbered lines on each of the two streams.
		count, _ := strconv.Atoi(rest)
		for n := range count {
			fmt.Printf("out %d\n", n)
			fmt.Fprintf(os.Stderr, "err %d\n", n)
		}
	default:
		return "hello " + name, nil
	}
	return "done", nil
}
