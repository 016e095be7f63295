// Package reattach is the JSON in which programs tell each other of running plugins: that of TF_REATTACH_PROVIDERS, read and
// written as Terraform does.
package reattach

import (
	"encoding/json"
	"net"

	"interop/internal/control"

	"github.com/hashicorp/go-plugin"
)

type config struct {
	Protocol        string
	ProtocolVersion int
	Addr            addr
	Pid             int
	Test            bool
}

type addr struct{ Network, String string }

// Parse reads the JSON of a single plugin, whatever its name.
func Parse(text string) *plugin.ReattachConfig {
	var all map[string]config
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		control.Fatal("bad JSON of plugins: %s", err)
	}
	for _, c := range all {
		found := &plugin.ReattachConfig{
			Protocol:        plugin.Protocol(c.Protocol),
			ProtocolVersion: c.ProtocolVersion,
			Pid:             c.Pid,
			Test:            c.Test,
		}
		var err error
		switch c.Addr.Network {
		case "unix":
			found.Addr, err = net.ResolveUnixAddr("unix", c.Addr.String)
		case "tcp":
			found.Addr, err = net.ResolveTCPAddr("tcp", c.Addr.String)
		default:
			control.Fatal("unknown network %q", c.Addr.Network)
		}
		if err != nil {
			control.Fatal("bad address: %s", err)
		}
		return found
	}
	control.Fatal("no plugin in %q", text)
	return nil
}

// JSON writes one plugin.
func JSON(name string, c *plugin.ReattachConfig) string {
	text, err := json.Marshal(map[string]config{name: {
		Protocol:        string(c.Protocol),
		ProtocolVersion: c.ProtocolVersion,
		Addr:            addr{c.Addr.Network(), c.Addr.String()},
		Pid:             c.Pid,
		Test:            c.Test,
	}})
	if err != nil {
		control.Fatal("%s", err)
	}
	return string(text)
}
