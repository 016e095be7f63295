// Actorplugin is a plugin of tests/process on go-plugin, over the transport that ACTOR_TRANSPORT names: its one method has a shell
// run what it is given.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"interop/internal/greeter"

	"github.com/hashicorp/go-plugin"
)

func main() {
	config := &plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  1,
			MagicCookieKey:   "PROCESS_TESTS",
			MagicCookieValue: "a process to be treated badly",
		},
		Plugins: map[string]plugin.Plugin{"actor": &netRPC{}},
	}
	if os.Getenv("ACTOR_TRANSPORT") == "grpc" {
		config.Plugins["actor"] = &greeter.GRPC{Impl: actor{}}
		config.GRPCServer = plugin.DefaultGRPCServer
	}
	plugin.Serve(config)
}

type netRPC struct{ greeter.NetRPC }

func (*netRPC) Server(*plugin.MuxBroker) (any, error) { return &server{}, nil }

type server struct{}

// Act is the method over net/rpc; over gRPC it is that of the greeter.
func (*server) Act(order string, reply *string) (err error) {
	*reply, err = actor{}.Say(order)
	return
}

type actor struct{}

func (actor) Greet() (string, error) { return "", errors.New("this one only acts") }

// Say carries out an order, "shell SCRIPT", and tells the outcome. The shell has the standard input that the plugin has.
func (actor) Say(order string) (string, error) {
	script, ok := strings.CutPrefix(order, "shell ")
	if !ok {
		return "", fmt.Errorf("unknown order: %s", order)
	}
	shell := exec.Command("sh", "-c", script)
	shell.Stdin, shell.Stdout, shell.Stderr = os.Stdin, os.Stdout, os.Stderr
	var failed *exec.ExitError
	if err := shell.Run(); err != nil && !errors.As(err, &failed) {
		return "", err
	}
	return fmt.Sprintf("exit status: %d", shell.ProcessState.ExitCode()), nil
}
