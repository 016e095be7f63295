// Ctytypes reads types of cty as they encode themselves, one a line in hexadecimal, and answers each with what it says in Go
// and with its own encoding.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"

	"github.com/zclconf/go-cty/cty"
)

func main() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := answer(lines.Text()); err != nil {
			fmt.Println("error", err)
		}
	}
}

func answer(line string) error {
	payload, err := hex.DecodeString(line)
	if err != nil {
		return err
	}
	var t cty.Type
	if err := t.GobDecode(payload); err != nil {
		return err
	}
	again, err := t.GobEncode()
	if err != nil {
		return err
	}
	fmt.Printf("%x %s\n", again, t.GoString())
	return nil
}
