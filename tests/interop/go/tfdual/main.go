// Tfdual is a Terraform provider of both ages: net/rpc in version 4, gRPC in version 5.
package main

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-sdk/helper/schema"
	"github.com/hashicorp/terraform-plugin-sdk/plugin"
	"github.com/hashicorp/terraform-plugin-sdk/terraform"
)

func Provider() terraform.ResourceProvider {
	return &schema.Provider{
		Schema: map[string]*schema.Schema{"token": {Type: schema.TypeString, Required: true, Description: "the token"}},
		ConfigureFunc: func(d *schema.ResourceData) (interface{}, error) {
			if d.Get("token").(string) == "bad" {
				return nil, fmt.Errorf("token rejected")
			}
			return d.Get("token").(string), nil
		},
		ResourcesMap: map[string]*schema.Resource{"scratch_thing": {
			Schema: map[string]*schema.Schema{
				"name":  {Type: schema.TypeString, Required: true, ForceNew: true},
				"n":     {Type: schema.TypeInt, Optional: true, Default: 3},
				"f":     {Type: schema.TypeFloat, Optional: true},
				"b":     {Type: schema.TypeBool, Optional: true},
				"l":     {Type: schema.TypeList, Optional: true, Elem: &schema.Schema{Type: schema.TypeString}},
				"m":     {Type: schema.TypeMap, Optional: true, Elem: &schema.Schema{Type: schema.TypeString}},
				"out":   {Type: schema.TypeString, Computed: true},
				"block": {Type: schema.TypeSet, Optional: true, Elem: &schema.Resource{Schema: map[string]*schema.Schema{"k": {Type: schema.TypeString, Required: true}}}},
			},
			Create: func(d *schema.ResourceData, meta interface{}) error {
				if d.Get("name").(string) == "fail" {
					return fmt.Errorf("create refused for %s", meta)
				}
				d.SetId("id-" + d.Get("name").(string))
				return d.Set("out", fmt.Sprintf("%s/%v/%v", meta, d.Get("n"), d.Get("m")))
			},
			Read:     func(d *schema.ResourceData, meta interface{}) error { return nil },
			Update:   func(d *schema.ResourceData, meta interface{}) error { return nil },
			Delete:   func(d *schema.ResourceData, meta interface{}) error { return nil },
			Importer: &schema.ResourceImporter{State: schema.ImportStatePassthrough},
		}},
	}
}

func main() { plugin.Serve(&plugin.ServeOpts{ProviderFunc: Provider}) }
