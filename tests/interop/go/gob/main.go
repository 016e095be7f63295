// Command gob judges gob streams that somebody else encoded: it reads lines "NAME HEX", decodes each
// stream with encoding/gob into the Go types of the corpus entry NAME, and compares what comes out with
// what comes out of Go's own encoding of the same values.
//
// ./cmd/gen writes golden.json, which the tests of serde_gob hold a copy of:
//
//	go run ./cmd/gen > ../../../../serde_gob/tests/golden/golden.json
//
// This is a module of its own because the corpus registers its types under the module's name, and those
// names are in the golden streams.
package main

import (
	"bufio"
	"bytes"
	"encoding/gob"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"goldengob/corpus"
)

func find(name string) (corpus.Entry, error) {
	for _, e := range corpus.Entries {
		if e.Name == name {
			return e, nil
		}
	}
	return corpus.Entry{}, fmt.Errorf("no such entry")
}

// target gives the type that a value of the corpus is decoded into.
func target(v any) reflect.Type {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func judge(name, hexStream string) error {
	e, err := find(name)
	if err != nil {
		return err
	}
	stream, err := hex.DecodeString(hexStream)
	if err != nil {
		return err
	}
	var own bytes.Buffer
	enc := gob.NewEncoder(&own)
	for _, v := range e.Values {
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	ours, theirs := gob.NewDecoder(&own), gob.NewDecoder(bytes.NewReader(stream))
	for i, v := range e.Values {
		want, got := reflect.New(target(v)), reflect.New(target(v))
		if err := ours.DecodeValue(want); err != nil {
			return err
		}
		if err := theirs.DecodeValue(got); err != nil {
			return fmt.Errorf("value %d: %v", i, err)
		}
		if w, g := corpus.JSON(want.Elem()), corpus.JSON(got.Elem()); w != g {
			return fmt.Errorf("value %d: want %s, got %s", i, w, g)
		}
	}
	if err := theirs.DecodeValue(reflect.Value{}); err != io.EOF {
		return fmt.Errorf("after the last value: want the end, got %v", err)
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	accepted, refused := 0, 0
	for lines.Scan() {
		name, hexStream, _ := strings.Cut(lines.Text(), " ")
		if err := judge(name, hexStream); err != nil {
			refused++
			fmt.Printf("refused %s: %v\n", name, err)
		} else {
			accepted++
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Printf("accepted %d, refused %d\n", accepted, refused)
}
