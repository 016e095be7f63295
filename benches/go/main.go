// The Go side of `cargo xtask compare`: does the same work as the Rust program beside it and prints what it measured.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// What the program is asked for: bench-go WORK [--KEY VALUE]…
var options struct {
	time   time.Duration
	peer   string
	socket string
	// What a plugin speaks.
	transport string
	// How its connections are made.
	autoMTLS, multiplexed bool
	// For the Rust program at the other end.
	runtime string
	by      string
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: bench-go WORK [--KEY VALUE]…"))
	}
	self, err := os.Executable()
	check(err)
	flags := flag.NewFlagSet("bench-go", flag.ExitOnError)
	millis := flags.Int("time", 1000, "milliseconds to measure")
	flags.StringVar(&options.peer, "peer", self, "program at the other end")
	flags.StringVar(&options.socket, "socket", "", "where the other end listens")
	flags.StringVar(&options.transport, "transport", "netrpc", "what a plugin speaks")
	flags.StringVar(&options.runtime, "runtime", "multi-thread", "runtime of a Rust program at the other end")
	flags.StringVar(&options.by, "by", "ours", "who does the work in a Rust program at the other end")
	check(flags.Parse(os.Args[2:]))
	options.time = time.Duration(*millis) * time.Millisecond

	work := os.Args[1]
	parts := strings.Split(work, "/")
	if slices.Contains(parts, "grpc") {
		options.transport = "grpc"
	}
	options.autoMTLS, options.multiplexed = slices.Contains(parts, "automtls"), slices.Contains(parts, "multiplexed")
	var figures map[string]float64
	switch {
	// The other ends.
	case work == "plugin" && options.transport == "grpc":
		serveGRPCPlugin()
		return
	case work == "plugin":
		servePlugin()
		return
	case work == "yamux-sink":
		serveEach(sink)
		return
	case work == "yamux-echo":
		serveEach(answer)
		return
	case work == "rpc-echo":
		serveSocket()
		return
	case strings.HasPrefix(work, "gob/"):
		figures = repeat(operation(work))
	case work == "yamux/throughput/1":
		figures = throughput(1)
	case work == "yamux/throughput/8":
		figures = throughput(8)
	case work == "yamux/pingpong":
		figures = pingpong()
	case work == "netrpc/call64/socket":
		figures = overSocket()
	case work == "netrpc/call64", work == "grpc/call64":
		figures = pluginCalls(64)
	case work == "netrpc/echo1m", work == "grpc/echo1m":
		figures = pluginCalls(1 << 20)
	case work == "netrpc/calls64x64", work == "grpc/calls64x64":
		figures = callsAtOnce()
	case work == "launch/first-call", work == "launch/first-call/grpc", work == "launch/first-call/grpc/automtls":
		figures = firstCall()
	case work == "memory/idle-plugin", work == "memory/idle-plugin/grpc":
		figures = idlePlugin()
	case work == "grpc/broker-dial", work == "grpc/broker-dial/multiplexed":
		figures = brokerDial()
	case work == "memory/500-plugins":
		figures = manyPlugins()
	default:
		fail(fmt.Errorf("there is no work %s", work))
	}
	check(json.NewEncoder(os.Stdout).Encode(figures))
}

// otherEnd is the command that starts the other end, for work.
func otherEnd(work string, args ...string) *exec.Cmd {
	args = append([]string{work, "--runtime", options.runtime, "--by", options.by, "--transport", options.transport}, args...)
	return exec.Command(options.peer, args...)
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench-go:", err)
	os.Exit(1)
}
