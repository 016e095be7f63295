// Tfjson reads the document of `terraform providers schema -json` from stdin with the package that programs around
// Terraform use for it, and writes what it understood.
package main

import (
	"encoding/json"
	"io"
	"log"
	"os"

	tfjson "github.com/hashicorp/terraform-json"
)

func main() {
	document, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	var schemas tfjson.ProviderSchemas
	if err := json.Unmarshal(document, &schemas); err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(schemas); err != nil {
		log.Fatal(err)
	}
}
