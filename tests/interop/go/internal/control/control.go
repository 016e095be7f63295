// Package control is how a test tells a program of ours what to do: one command a line on stdin, one line for its
// answer on stdout.
//
//	3 read 5 100      command 3: "read" with two arguments
//	3 ok 100          its answer; "3 err TEXT" when it failed
//
// Commands run at the same time and are answered when they are done. The program ends with its stdin.
package control

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Args are the words after a command.
type Args []string

// Word returns argument i, empty if it was not given.
func (a Args) Word(i int) string {
	if i < len(a) {
		return a[i]
	}
	return ""
}

// Int returns argument i as a number, zero if it was not given.
func (a Args) Int(i int) int {
	if i >= len(a) {
		return 0
	}
	n, err := strconv.Atoi(a[i])
	if err != nil {
		Fatal("argument %q is no number", a[i])
	}
	return n
}

// Commands maps a command to what runs it.
type Commands map[string]func(Args) (any, error)

// Serve runs commands until stdin ends, then ends the process.
func Serve(commands Commands) {
	var stdout sync.Mutex
	answer := func(number, kind string, text any) {
		stdout.Lock()
		defer stdout.Unlock()
		line := strings.ReplaceAll(fmt.Sprint(text), "\n", `\n`)
		fmt.Printf("%s %s %s\n", number, kind, line)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			Fatal("not a command: %q", lines.Text())
		}
		run, known := commands[words[1]]
		if !known {
			answer(words[0], "err", "no such command: "+words[1])
			continue
		}
		go func() {
			result, err := run(words[2:])
			switch {
			case err != nil:
				answer(words[0], "err", err)
			case result == nil:
				answer(words[0], "ok", "")
			default:
				answer(words[0], "ok", result)
			}
		}()
	}
	os.Exit(0)
}

// Fatal ends the program with a message on stderr.
func Fatal(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}
