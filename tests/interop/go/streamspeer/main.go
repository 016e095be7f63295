// Streamspeer is the Go twin of the example streams: with the flag -plugin as the plugin, else as the host of the plugin
// whose command is its argument.
package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
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
	flag.Parse()

	f := &files{}
	plugins := map[string]plugin.Plugin{"files": f}
	if *serve {
		plugin.Serve(&plugin.ServeConfig{HandshakeConfig: handshake, Plugins: plugins})
		return
	}
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: handshake,
		Plugins:         plugins,
		Cmd:             exec.Command(flag.Arg(0), flag.Args()[1:]...),
		Logger:          hclog.NewNullLogger(),
	})
	control.Serve(control.Commands{
		"dispense": func(control.Args) (any, error) {
			protocol, err := client.Client()
			if err != nil {
				return nil, err
			}
			_, err = protocol.Dispense("files")
			return nil, err
		},
		"store":  f.store,
		"fetch":  f.fetch,
		"get":    f.get,
		"put":    f.put,
		"dialog": f.dialog,
		"kill":   func(control.Args) (any, error) { client.Kill(); return nil, nil },
	})
}

// files is the plugin type, and on the host's side the dispensed plugin.
type files struct {
	broker *plugin.MuxBroker
	client *rpc.Client
}

func (f *files) Server(b *plugin.MuxBroker) (any, error) { return &server{b}, nil }

func (f *files) Client(b *plugin.MuxBroker, client *rpc.Client) (any, error) {
	f.broker, f.client = b, client
	return f, nil
}

// store NAME SIZE LIMIT: answers how much the plugin stored, and what it last reported.
func (f *files) store(a control.Args) (any, error) {
	content, progress := f.broker.NextId(), f.broker.NextId()
	go send(f.broker, content, func(w io.Writer) { stream.Write(w, 0, a.Int(1), 64<<10) })
	reports := &reports{limit: a.Int(2)}
	go f.broker.AcceptAndServe(progress, reports)
	var stored int
	err := f.client.Call("Plugin.Store", StoreArgs{a.Word(0), content, progress}, &stored)
	return fmt.Sprint(stored, " ", reports.last), err
}

type reports struct{ limit, last int }

// Stored is Plugin.Stored of the object that is called back.
func (r *reports) Stored(bytes int, _ *any) error {
	r.last = bytes
	if bytes > r.limit {
		return fmt.Errorf("more than %d bytes", r.limit)
	}
	return nil
}

// fetch NAME: compares every byte and answers how many came.
func (f *files) fetch(a control.Args) (any, error) {
	var id uint32
	if err := f.client.Call("Plugin.Fetch", a.Word(0), &id); err != nil {
		return nil, err
	}
	return f.check(id)
}

func (f *files) check(id uint32) (int, error) {
	conn, err := f.broker.Dial(id)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return stream.Check(conn, 0, -1)
}

// get PATH: answers status, content type and the length of a body that is compared, unless the status is an error.
func (f *files) get(a control.Args) (any, error) {
	var r Response
	if err := f.client.Call("Plugin.Handle", Request{Method: "GET", Path: a.Word(0)}, &r); err != nil {
		return nil, err
	}
	if r.Status >= 400 {
		text, err := f.text(r.Body)
		return fmt.Sprint(r.Status, " ", r.Header.Get("Content-Type"), " ", text), err
	}
	n, err := f.check(r.Body)
	return fmt.Sprint(r.Status, " ", r.Header.Get("Content-Type"), " ", n), err
}

// put PATH SIZE: answers status and body.
func (f *files) put(a control.Args) (any, error) {
	id := f.broker.NextId()
	go send(f.broker, id, func(w io.Writer) { stream.Write(w, 0, a.Int(1), 0) })
	var r Response
	if err := f.client.Call("Plugin.Handle", Request{"PUT", a.Word(0), nil, id}, &r); err != nil {
		return nil, err
	}
	text, err := f.text(r.Body)
	return fmt.Sprint(r.Status, " ", text), err
}

func (f *files) text(id uint32) (string, error) {
	conn, err := f.broker.Dial(id)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	return string(text), err
}

// dialog WORD…: posts the words one after the other, each when the answer to the one before has come.
func (f *files) dialog(a control.Args) (any, error) {
	id := f.broker.NextId()
	body := make(chan io.WriteCloser, 1)
	go func() {
		if conn, err := f.broker.Accept(id); err == nil {
			body <- conn
		}
	}()
	var r Response
	if err := f.client.Call("Plugin.Handle", Request{"POST", "/upper", http.Header{}, id}, &r); err != nil {
		return nil, err
	}
	request := <-body
	answer, err := f.broker.Dial(r.Body)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	all := ""
	for _, word := range a {
		if _, err := io.WriteString(request, word); err != nil {
			return nil, err
		}
		b := make([]byte, len(word))
		if _, err := io.ReadFull(answer, b); err != nil {
			return nil, err
		}
		all += string(b) + " "
	}
	request.Close()
	rest, err := io.ReadAll(answer)
	return fmt.Sprintf("%s%d", all, len(rest)), err
}

// send serves what write writes under a broker id.
func send(broker *plugin.MuxBroker, id uint32, write func(io.Writer)) {
	if conn, err := broker.Accept(id); err == nil {
		write(conn)
		conn.Close()
	}
}
