// Evolvepeer has one interface in two generations: with the flag -plugin as a plugin over net/rpc, else as the host of the
// plugin whose command follows its flags.
package main

import (
	"flag"
	"fmt"
	"net/rpc"
	"os"
	"os/exec"

	"interop/internal/control"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

func main() {
	serve := flag.Bool("plugin", false, "be the plugin")
	isNew := flag.Bool("new", false, "be of the new generation")
	version := flag.Uint("version", 1, "the application's version")
	flag.Parse()

	handshake := plugin.HandshakeConfig{
		ProtocolVersion: *version, MagicCookieKey: "BASIC_PLUGIN", MagicCookieValue: "hello",
	}
	if *serve {
		plugins := map[string]plugin.Plugin{"greeter": &dispensed{impl: oldGreeter{}}}
		if *isNew {
			plugins = map[string]plugin.Plugin{
				"greeter": &dispensed{impl: newGreeter{}}, "announcer": &dispensed{impl: announcer{}},
			}
		}
		plugin.Serve(&plugin.ServeConfig{HandshakeConfig: handshake, Plugins: plugins})
		return
	}

	greeter, announcer := &dispensed{}, &dispensed{}
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: handshake,
		Plugins:         map[string]plugin.Plugin{"greeter": greeter, "announcer": announcer},
		Cmd:             exec.Command(flag.Arg(0), flag.Args()[1:]...),
		Logger:          hclog.NewNullLogger(),
	})
	dispense := func(name string) error {
		protocol, err := client.Client()
		if err != nil {
			return err
		}
		_, err = protocol.Dispense(name)
		return err
	}
	commands := control.Commands{
		"start": func(control.Args) (any, error) { return nil, dispense("greeter") },
		"kill":  func(control.Args) (any, error) { client.Kill(); return nil, nil },
		// probe: uses the second interface if the plugin has it.
		"probe": func(control.Args) (any, error) {
			if err := dispense("announcer"); err != nil {
				return nil, err
			}
			return announcer.call("Plugin.Announce", new(any))
		},
		"hi": func(control.Args) (any, error) { return greeter.call("Plugin.Hi", new(any)) },
	}
	if *isNew {
		commands["greet"] = func(control.Args) (any, error) {
			var reply NewGreeting
			err := greeter.client.Call("Plugin.Greet", NewPerson{"e@x", 7, "gopher"}, &reply)
			return fmt.Sprintf("%s (%s)", reply.Text, reply.Language), err
		}
		commands["describe"] = func(control.Args) (any, error) {
			return greeter.call("Plugin.Describe", map[string]any{"name": "gopher", "count": int64(3)})
		}
		commands["double"] = func(control.Args) (any, error) { return greeter.call("Plugin.Double", "21") }
		commands["walk"] = func(control.Args) (any, error) { return greeter.count("Plugin.Walk", Metres{3}) }
	} else {
		commands["greet"] = func(control.Args) (any, error) {
			var reply OldGreeting
			err := greeter.client.Call("Plugin.Greet", OldPerson{"gopher", 7}, &reply)
			return reply.Text, err
		}
		commands["describe"] = func(control.Args) (any, error) {
			return greeter.call("Plugin.Describe", map[string]any{"name": "gopher"})
		}
		commands["double"] = func(control.Args) (any, error) { return greeter.count("Plugin.Double", 21) }
		commands["walk"] = func(control.Args) (any, error) { return greeter.count("Plugin.Walk", Steps{3}) }
	}
	control.Serve(commands)
}

// dispensed is the plugin type, and on the host's side what was dispensed.
type dispensed struct {
	impl   any
	client *rpc.Client
}

func (d *dispensed) Server(*plugin.MuxBroker) (any, error) { return d.impl, nil }

func (d *dispensed) Client(_ *plugin.MuxBroker, client *rpc.Client) (any, error) {
	d.client = client
	return d, nil
}

func (d *dispensed) call(method string, args any) (any, error) {
	var reply string
	err := d.client.Call(method, args, &reply)
	return reply, err
}

func (d *dispensed) count(method string, args any) (any, error) {
	var reply int
	err := d.client.Call(method, args, &reply)
	return reply, err
}

// called leaves a trace of a call in the file that the environment names.
func called(method string) {
	name := os.Getenv("CALLS")
	if name == "" {
		return
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		control.Fatal("%v", err)
	}
	fmt.Fprintln(file, method)
	file.Close()
}
