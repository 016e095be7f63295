// Echopeer shows that commands and answers find each other.
package main

import (
	"errors"
	"strings"

	"interop/internal/control"
)

func main() {
	release := make(chan int)
	control.Serve(control.Commands{
		"echo":    func(a control.Args) (any, error) { return strings.Join(a, " "), nil },
		"fail":    func(a control.Args) (any, error) { return nil, errors.New(a.Word(0)) },
		"wait":    func(control.Args) (any, error) { return <-release, nil },
		"release": func(control.Args) (any, error) { release <- 1; return nil, nil },
	})
}
