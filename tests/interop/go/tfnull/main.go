// Tfnull is the Terraform provider null 1.0.0 as its own main function serves it, over net/rpc. With the flag -host it is
// Terraform 0.11.14's half: it makes every call to the provider whose command follows, and prints what it gets.
package main

import (
	"os"

	"github.com/hashicorp/terraform/plugin"
	"github.com/terraform-providers/terraform-provider-null/null"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "-host" {
		host(os.Args[2], os.Args[3:])
		return
	}
	plugin.Serve(&plugin.ServeOpts{ProviderFunc: null.Provider})
}
