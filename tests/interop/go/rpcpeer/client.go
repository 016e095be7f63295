package main

import (
	"fmt"
	"net/rpc"
	"strings"

	"interop/internal/control"
)

func clientCommands(client *rpc.Client) control.Commands {
	return control.Commands{
		// int METHOD N, bool METHOD V, text METHOD WORDS...: a call with such an argument and such a reply.
		"int": func(a control.Args) (any, error) {
			var reply int
			return answer(&reply, client.Call(a.Word(0), a.Int(1), &reply))
		},
		"bool": func(a control.Args) (any, error) {
			var reply bool
			return answer(&reply, client.Call(a.Word(0), a.Word(1) == "true", &reply))
		},
		"text": func(a control.Args) (any, error) {
			var reply string
			return answer(&reply, client.Call(a.Word(0), strings.Join(a[1:], " "), &reply))
		},
		// bytes METHOD N: N bytes there and back. Answers how many came back.
		"bytes": func(a control.Args) (any, error) {
			var reply []byte
			err := client.Call(a.Word(0), make([]byte, a.Int(1)), &reply)
			return len(reply), err
		},
		// add METHOD A B
		"add": func(a control.Args) (any, error) {
			var sum int
			return answer(&sum, client.Call(a.Word(0), Pair{a.Int(1), a.Int(2)}, &sum))
		},
		// divide METHOD A B
		"divide": func(a control.Args) (any, error) {
			var q Quotient
			err := client.Call(a.Word(0), &Pair{a.Int(1), a.Int(2)}, &q)
			return fmt.Sprintf("%d rest %d", q.Quo, q.Rem), err
		},
		// shape METHOD: a full one there and back.
		"shape": func(a control.Args) (any, error) {
			shape := Shape{
				Name: "triangle", Sides: 3, Filled: true, Area: 4.5,
				Points: []Pair{{0, 0}, {3, 0}, {0, 3}},
				Tags:   map[string]string{"colour": "red"},
				Inner:  &Pair{1, 1},
			}
			var reply Shape
			err := client.Call(a.Word(0), shape, &reply)
			return fmt.Sprintf("%+v %+v", reply, reply.Inner), err
		},
		// wider METHOD, narrower METHOD, other METHOD: Pair with a field more, a field less, none in common.
		"wider": func(a control.Args) (any, error) {
			var sum int
			args := struct {
				C    string
				B, A int
			}{"more", 3, 4}
			return answer(&sum, client.Call(a.Word(0), args, &sum))
		},
		"narrower": func(a control.Args) (any, error) {
			var sum int
			return answer(&sum, client.Call(a.Word(0), struct{ A int }{5}, &sum))
		},
		"other": func(a control.Args) (any, error) {
			var sum int
			return answer(&sum, client.Call(a.Word(0), struct{ X int }{5}, &sum))
		},
		"mistyped": func(a control.Args) (any, error) {
			var sum int
			return answer(&sum, client.Call(a.Word(0), struct{ A string }{"five"}, &sum))
		},
		// nil METHOD: the nil interface, as clients of methods without an argument send it.
		"nil": func(a control.Args) (any, error) {
			var reply string
			return answer(&reply, client.Call(a.Word(0), new(any), &reply))
		},
		// nothing METHOD: the empty struct both ways.
		"nothing": func(a control.Args) (any, error) {
			return nil, client.Call(a.Word(0), struct{}{}, &struct{}{})
		},
		// unencodable METHOD: an argument that gob refuses, after net/rpc has queued the header.
		"unencodable": func(a control.Args) (any, error) {
			return nil, client.Call(a.Word(0), make(chan int), &struct{}{})
		},
		// many METHOD N: N calls at the same time, each with its own number. Answers how many came back right.
		"many": func(a control.Args) (any, error) {
			calls := make([]*rpc.Call, a.Int(1))
			for i := range calls {
				calls[i] = client.Go(a.Word(0), i, new(int), make(chan *rpc.Call, 1))
			}
			right := 0
			for i, call := range calls {
				if done := <-call.Done; done.Error != nil {
					return nil, done.Error
				} else if *done.Reply.(*int) == i {
					right++
				}
			}
			return right, nil
		},
		"close": func(control.Args) (any, error) { return nil, client.Close() },
	}
}

func answer[T any](reply *T, err error) (any, error) { return *reply, err }
