// Tfnull is the Terraform provider null 1.0.0 as its own main function serves it, over net/rpc.
package main

import (
	"github.com/hashicorp/terraform/plugin"
	"github.com/terraform-providers/terraform-provider-null/null"
)

func main() { plugin.Serve(&plugin.ServeOpts{ProviderFunc: null.Provider}) }
