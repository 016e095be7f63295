package main

import "fmt"

// OldPerson is the argument of Plugin.Greet in the old generation.
type OldPerson struct {
	Name string
	Age  int
}

// NewPerson is what became of it.
type NewPerson struct {
	Email string
	Age   int
	Name  string
}

// OldGreeting is the reply of Plugin.Greet in the old generation.
type OldGreeting struct{ Text string }

// NewGreeting is what became of it.
type NewGreeting struct{ Language, Text string }

type oldGreeter struct{}

// Greet is Plugin.Greet.
func (oldGreeter) Greet(p OldPerson, reply *OldGreeting) error {
	called("greet")
	reply.Text = fmt.Sprintf("%s is %d", p.Name, p.Age)
	return nil
}

// Describe is Plugin.Describe.
func (oldGreeter) Describe(args map[string]any, reply *string) error {
	*reply, _ = args["name"].(string)
	return nil
}

// Double is Plugin.Double.
func (oldGreeter) Double(number int, reply *int) error { *reply = 2 * number; return nil }

// Steps is the argument of Plugin.Walk in the old generation.
type Steps struct{ Steps int }

// Metres is what became of it.
type Metres struct{ Metres int }

// Walk is Plugin.Walk.
func (oldGreeter) Walk(s Steps, reply *int) error { *reply = s.Steps; return nil }

type newGreeter struct{}

// Walk is Plugin.Walk.
func (newGreeter) Walk(m Metres, reply *int) error { *reply = m.Metres; return nil }

// Hi is Plugin.Hi.
func (newGreeter) Hi(_ any, reply *string) error { *reply = "Hi!"; return nil }

// Greet is Plugin.Greet.
func (newGreeter) Greet(p NewPerson, reply *NewGreeting) error {
	called("greet")
	*reply = NewGreeting{"en", fmt.Sprintf("%s <%s> is %d", p.Name, p.Email, p.Age)}
	return nil
}

// Describe is Plugin.Describe.
func (newGreeter) Describe(args map[string]any, reply *string) error {
	name, _ := args["name"].(string)
	count, _ := args["count"].(int64)
	*reply = fmt.Sprintf("%s %d", name, count)
	return nil
}

// Double is Plugin.Double.
func (newGreeter) Double(text string, reply *string) error { *reply = text + text; return nil }

// announcer is what plugins of the new generation serve besides.
type announcer struct{}

// Announce is Plugin.Announce.
func (announcer) Announce(_ any, reply *string) error { *reply = "ladies and gentlemen"; return nil }
