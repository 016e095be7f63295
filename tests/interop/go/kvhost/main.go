// A host on whatever release of go-plugin its module names: keeps a value with a key-value plugin over AutoMTLS, and prints what comes
// back.
package main

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/examples/grpc/shared"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(command, name string) error {
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  shared.Handshake,
		Plugins:          shared.PluginMap,
		Cmd:              exec.Command(command),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolNetRPC, plugin.ProtocolGRPC},
		AutoMTLS:         true,
	})
	defer client.Kill()
	connection, err := client.Client()
	if err != nil {
		return err
	}
	raw, err := connection.Dispense(name)
	if err != nil {
		return err
	}
	store := raw.(shared.KV)
	if err := store.Put("hello", []byte("world")); err != nil {
		return err
	}
	value, err := store.Get("hello")
	if err != nil {
		return err
	}
	fmt.Print(string(value))
	return nil
}
