package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/rpc"
	"os"
	"strings"

	"github.com/hashicorp/go-plugin"
)

// StoreArgs are the arguments of Plugin.Store.
type StoreArgs struct {
	Name              string
	Content, Progress uint32
}

// Request is the argument of Plugin.Handle.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         uint32
}

// Response is its reply.
type Response struct {
	Status int
	Header http.Header
	Body   uint32
}

type server struct{ broker *plugin.MuxBroker }

func file(name string) string { return "stream_" + name }

// Store is Plugin.Store.
func (s *server) Store(args StoreArgs, stored *int) error {
	from, err := s.broker.Dial(args.Content)
	if err != nil {
		return err
	}
	defer from.Close()
	conn, err := s.broker.Dial(args.Progress)
	if err != nil {
		return err
	}
	progress := rpc.NewClient(conn)
	defer progress.Close()
	to, err := os.Create(file(args.Name))
	if err != nil {
		return err
	}
	defer to.Close()
	block := make([]byte, 64<<10)
	for {
		n, err := from.Read(block)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := to.Write(block[:n]); err != nil {
			return err
		}
		*stored += n
		if err := progress.Call("Plugin.Stored", *stored, new(any)); err != nil {
			return err
		}
	}
}

// Fetch is Plugin.Fetch.
func (s *server) Fetch(name string, id *uint32) error {
	content, err := os.Open(file(name))
	if err != nil {
		return err
	}
	*id = s.respond(content)
	return nil
}

// Handle is Plugin.Handle.
func (s *server) Handle(r Request, reply *Response) error {
	name := strings.TrimLeft(r.Path, "/")
	switch {
	case r.Method == "POST" && name == "upper":
		body, err := s.broker.Dial(r.Body)
		if err != nil {
			return err
		}
		*reply = Response{200, header("application/octet-stream"), s.respond(upper{body})}
	case r.Method == "PUT":
		body, err := s.broker.Dial(r.Body)
		if err != nil {
			return err
		}
		defer body.Close()
		to, err := os.Create(file(name))
		if err != nil {
			return err
		}
		defer to.Close()
		if _, err := io.Copy(to, body); err != nil {
			return err
		}
		*reply = Response{201, header("text/plain"), s.text("stored\n")}
	case r.Method == "GET":
		content, err := os.Open(file(name))
		switch {
		case errors.Is(err, os.ErrNotExist):
			*reply = Response{404, header("text/plain"), s.text("not found\n")}
		case err != nil:
			return err
		default:
			*reply = Response{200, header("application/octet-stream"), s.respond(content)}
		}
	default:
		*reply = Response{405, header("text/plain"), s.text("not allowed\n")}
	}
	return nil
}

func header(contentType string) http.Header { return http.Header{"Content-Type": {contentType}} }

func (s *server) text(text string) uint32 { return s.respond(io.NopCloser(strings.NewReader(text))) }

// respond serves what from gives.
func (s *server) respond(from io.ReadCloser) uint32 {
	id := s.broker.NextId()
	go func() {
		defer from.Close()
		send(s.broker, id, func(w io.Writer) {
			if _, err := io.Copy(w, from); err != nil {
				fmt.Fprintln(os.Stderr, "a stream broke off:", err)
			}
		})
	}()
	return id
}

// upper makes lower-case letters of ASCII upper-case ones on their way.
type upper struct{ io.ReadCloser }

func (u upper) Read(b []byte) (int, error) {
	n, err := u.ReadCloser.Read(b)
	for i, c := range b[:n] {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return n, err
}
