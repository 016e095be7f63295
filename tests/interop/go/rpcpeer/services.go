package main

import (
	"errors"
	"fmt"
	"slices"
)

// Pair holds two numbers; a zero is not on the wire.
type Pair struct{ A, B int }

// Quotient is the answer of Arith.Divide.
type Quotient struct{ Quo, Rem int }

// Arith calculates.
type Arith int

// Add is Arith.Add.
func (*Arith) Add(p Pair, sum *int) error { *sum = p.A + p.B; return nil }

// Divide is Arith.Divide.
func (*Arith) Divide(p *Pair, q *Quotient) error {
	if p.B == 0 {
		return errors.New("divide by zero")
	}
	*q = Quotient{p.A / p.B, p.A % p.B}
	return nil
}

// Shape has every kind of field that methods commonly have.
type Shape struct {
	Name   string
	Sides  int
	Filled bool
	Area   float64
	Points []Pair
	Tags   map[string]string
	Inner  *Pair
}

// Echo answers with its argument.
type Echo int

// Bool is Echo.Bool.
func (*Echo) Bool(v bool, out *bool) error { *out = v; return nil }

// Int is Echo.Int.
func (*Echo) Int(v int, out *int) error { *out = v; return nil }

// Text is Echo.Text.
func (*Echo) Text(v string, out *string) error { *out = v; return nil }

// Bytes is Echo.Bytes.
func (*Echo) Bytes(v []byte, out *[]byte) error { *out = slices.Clone(v); return nil }

// Shape is Echo.Shape.
func (*Echo) Shape(v Shape, out *Shape) error { *out = v; return nil }

// Describe is Echo.Describe: what it was sent, in Go's syntax.
func (*Echo) Describe(v Shape, out *string) error {
	*out = fmt.Sprintf("%+v", v)
	return nil
}

// Nothing is Echo.Nothing, with the empty struct both ways.
func (*Echo) Nothing(struct{}, *struct{}) error { return nil }

// Any is Echo.Any: an interface, which may be nil.
func (*Echo) Any(v any, out *string) error {
	*out = fmt.Sprintf("%T %v", v, v)
	return nil
}

// Broken misbehaves as Go code does.
type Broken int

// Reply is Broken.Reply: its reply has no encoding.
func (*Broken) Reply(_ int, _ *struct{ hidden int }) error { return nil }

// Silent is Broken.Silent: an error without a text, which Go reads as success.
func (*Broken) Silent(_ int, _ *int) error { return errors.New("") }

// Gate holds its callers up.
type Gate struct {
	open    chan struct{}
	waiting chan struct{}
}

// Wait is Gate.Wait: returns its argument once the gate is open.
func (g *Gate) Wait(v int, out *int) error {
	g.waiting <- struct{}{}
	<-g.open
	*out = v
	return nil
}
