// Tf6 is a Terraform provider in version 6 of the protocol, with everything in its schema that only that version has.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	dataschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	ephemeralschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	resourceschema "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func main() {
	options := providerserver.ServeOpts{Address: "registry.terraform.io/hashicorp/six", ProtocolVersion: 6}
	if err := providerserver.Serve(context.Background(), func() provider.Provider { return six{} }, options); err != nil {
		log.Fatal(err)
	}
}

type six struct{}

func (six) Metadata(_ context.Context, _ provider.MetadataRequest, r *provider.MetadataResponse) {
	r.TypeName = "six"
}

func (six) Schema(_ context.Context, _ provider.SchemaRequest, r *provider.SchemaResponse) {
	r.Schema = schema.Schema{
		Description: "Has everything.",
		Attributes: map[string]schema.Attribute{
			"token": schema.StringAttribute{Required: true, Sensitive: true, MarkdownDescription: "The **token**."},
		},
	}
}

func (six) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}

func (six) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return thing{} }}
}

func (six) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return source{} }}
}

func (six) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{func() ephemeral.EphemeralResource { return secret{} }}
}

func (six) Functions(context.Context) []func() function.Function {
	return []func() function.Function{func() function.Function { return join{} }}
}

type thing struct{}

func (thing) Metadata(_ context.Context, _ resource.MetadataRequest, r *resource.MetadataResponse) {
	r.TypeName = "six_thing"
}

func (thing) Schema(_ context.Context, _ resource.SchemaRequest, r *resource.SchemaResponse) {
	nested := map[string]resourceschema.Attribute{
		"port": resourceschema.Int64Attribute{Required: true, Description: "The port.\nA number."},
		"host": resourceschema.StringAttribute{Optional: true},
	}
	r.Schema = resourceschema.Schema{
		Version: 2,
		Attributes: map[string]resourceschema.Attribute{
			"id":       resourceschema.StringAttribute{Computed: true},
			"any":      resourceschema.DynamicAttribute{Optional: true},
			"old":      resourceschema.BoolAttribute{Optional: true, DeprecationMessage: "use any"},
			"password": resourceschema.StringAttribute{Optional: true, WriteOnly: true},
			"pair":     resourceschema.ObjectAttribute{Optional: true, AttributeTypes: map[string]attr.Type{"a": types.BoolType, "b": types.ListType{ElemType: types.NumberType}}},
			"one":      resourceschema.SingleNestedAttribute{Optional: true, Attributes: nested},
			"list":     resourceschema.ListNestedAttribute{Optional: true, NestedObject: resourceschema.NestedAttributeObject{Attributes: nested}},
			"set":      resourceschema.SetNestedAttribute{Optional: true, NestedObject: resourceschema.NestedAttributeObject{Attributes: nested}},
			"map":      resourceschema.MapNestedAttribute{Optional: true, NestedObject: resourceschema.NestedAttributeObject{Attributes: nested}},
		},
		Blocks: map[string]resourceschema.Block{
			"rule":     resourceschema.ListNestedBlock{Description: "One of many.", NestedObject: resourceschema.NestedBlockObject{Attributes: nested}},
			"timeouts": resourceschema.SingleNestedBlock{Attributes: map[string]resourceschema.Attribute{"create": resourceschema.StringAttribute{Optional: true}}},
		},
	}
}

func (thing) Create(context.Context, resource.CreateRequest, *resource.CreateResponse) {}
func (thing) Read(context.Context, resource.ReadRequest, *resource.ReadResponse)       {}
func (thing) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {}
func (thing) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}

type source struct{}

func (source) Metadata(_ context.Context, _ datasource.MetadataRequest, r *datasource.MetadataResponse) {
	r.TypeName = "six_source"
}

func (source) Schema(_ context.Context, _ datasource.SchemaRequest, r *datasource.SchemaResponse) {
	r.Schema = dataschema.Schema{
		DeprecationMessage: "use six_thing",
		Attributes:         map[string]dataschema.Attribute{"names": dataschema.SetAttribute{Computed: true, ElementType: types.StringType}},
	}
}

func (source) Read(context.Context, datasource.ReadRequest, *datasource.ReadResponse) {}

type secret struct{}

func (secret) Metadata(_ context.Context, _ ephemeral.MetadataRequest, r *ephemeral.MetadataResponse) {
	r.TypeName = "six_secret"
}

func (secret) Schema(_ context.Context, _ ephemeral.SchemaRequest, r *ephemeral.SchemaResponse) {
	r.Schema = ephemeralschema.Schema{
		Attributes: map[string]ephemeralschema.Attribute{"value": ephemeralschema.StringAttribute{Computed: true}},
	}
}

func (secret) Open(context.Context, ephemeral.OpenRequest, *ephemeral.OpenResponse) {}

type join struct{}

func (join) Metadata(_ context.Context, _ function.MetadataRequest, r *function.MetadataResponse) {
	r.Name = "join"
}

func (join) Definition(_ context.Context, _ function.DefinitionRequest, r *function.DefinitionResponse) {
	r.Definition = function.Definition{
		Summary:           "Joins texts.",
		Parameters:        []function.Parameter{function.StringParameter{Name: "separator", AllowNullValue: true}},
		VariadicParameter: function.StringParameter{Name: "texts"},
		Return:            function.StringReturn{},
	}
}

func (join) Run(context.Context, function.RunRequest, *function.RunResponse) {}
