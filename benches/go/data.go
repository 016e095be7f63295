package main

// The values that are encoded: those of ../src/data.rs.

// Header is the header of a request in net/rpc.
type Header struct {
	ServiceMethod string
	Seq           uint64
}

// Order has twenty fields, some of them of structs.
type Order struct {
	Number   int64
	Revision uint32
	Customer string
	Email    string
	Currency string
	Total    float64
	Discount float64
	Paid     bool
	Shipped  bool
	Gift     bool
	Created  int64
	Changed  int64
	Weight   uint64
	Priority int32
	Token    []byte
	Tags     []string
	Notes    map[string]string
	Billing  Address
	Shipping Address
	Items    []Item
}

type Address struct {
	Street, City string
	Zip          int64
}

type Item struct {
	Article string
	Count   int64
	Price   float64
}

func header() Header { return Header{"Plugin.Echo", 12345} }

func order() Order {
	return Order{
		Number: 1000017, Revision: 3, Customer: "Ada Lovelace", Email: "ada@example.com", Currency: "EUR",
		Total: 149.85, Discount: 0.125, Paid: true, Shipped: false, Gift: true,
		Created: 1700000000, Changed: 1700086400, Weight: 2350, Priority: -1,
		Token:    bytesOf(32),
		Tags:     []string{"new", "express", "insured"},
		Notes:    map[string]string{"door": "blue", "floor": "third"},
		Billing:  Address{"1 Main Street", "Springfield", 62701},
		Shipping: Address{"742 Evergreen Terrace", "Springfield", 62701},
		Items:    []Item{{"book", 3, 19.95}, {"lamp", 1, 49.5}, {"cable", 12, 3.375}},
	}
}

func bytesOf(size int) []byte {
	bytes := make([]byte, size)
	for n := range bytes {
		bytes[n] = byte(n % 251)
	}
	return bytes
}

func floats(count int) []float64 {
	values := make([]float64, count)
	for n := range values {
		values[n] = float64(n) * 1.1
	}
	return values
}
