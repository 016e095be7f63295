package main

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"strings"
)

// operation is one operation, to be repeated: name is gob/VALUE/encode or gob/VALUE/decode, and what may follow is the other
// side's own matter. Encoder and decoder live as long as their stream, as in net/rpc.
func operation(name string) func() {
	parts := strings.Split(name, "/")
	switch parts[1] {
	case "header":
		return operationOn(header(), parts[2])
	case "struct20":
		return operationOn(order(), parts[2])
	case "bytes1m":
		return operationOn(bytesOf(1<<20), parts[2])
	case "f64x100k":
		return operationOn(floats(100_000), parts[2])
	}
	fail(fmt.Errorf("there is no work %s", name))
	return nil
}

func operationOn[T any](value T, direction string) func() {
	var buffer bytes.Buffer
	encoder := gob.NewEncoder(&buffer)
	check(encoder.Encode(&value))
	first := bytes.Clone(buffer.Bytes())
	buffer.Reset()
	check(encoder.Encode(&value))
	if direction == "encode" {
		return func() {
			buffer.Reset()
			check(encoder.Encode(&value))
		}
	}
	next := bytes.Clone(buffer.Bytes())
	// A byte reader: the decoder reads it without a buffer between.
	reader := bytes.NewReader(first)
	decoder := gob.NewDecoder(reader)
	var decoded T
	check(decoder.Decode(&decoded))
	return func() {
		reader.Reset(next)
		var decoded T
		check(decoder.Decode(&decoded))
	}
}
