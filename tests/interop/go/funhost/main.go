// Funhost is a host on httprunner/funplugin. It calls the functions of the plugin at its first argument that are named on stdin,
// one a line with arguments in JSON, where whole numbers become Go's int; and it prints what comes back, with its type.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/httprunner/funplugin"
)

func main() {
	plugin, err := funplugin.Init(os.Args[1])
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	defer plugin.Quit()
	fmt.Println(plugin.Type())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if text == "?" {
			fmt.Println(plugin.Has(name))
			continue
		}
		arguments, err := parse(text)
		if err != nil {
			fmt.Println("error", err)
			continue
		}
		if value, err := plugin.Call(name, arguments...); err != nil {
			fmt.Println("error", err)
		} else {
			fmt.Printf("%v (%T)\n", value, value)
		}
	}
}

func parse(text string) ([]interface{}, error) {
	var arguments []interface{}
	if err := json.Unmarshal([]byte(text), &arguments); err != nil {
		return nil, err
	}
	for i, argument := range arguments {
		if number, ok := argument.(float64); ok && number == float64(int(number)) {
			arguments[i] = int(number)
		}
	}
	return arguments, nil
}
