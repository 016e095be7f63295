package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform/config"
	"github.com/hashicorp/terraform/plugin"
	"github.com/hashicorp/terraform/terraform"
)

func host(provider string, args []string) {
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: plugin.Handshake, Plugins: plugin.PluginMap, Cmd: exec.Command(provider, args...),
	})
	defer client.Kill()
	protocol, err := client.Client()
	check(err)
	raw, err := protocol.Dispense("provider")
	check(err)
	p := raw.(terraform.ResourceProvider)

	resources, sources := p.Resources(), p.DataSources()
	fmt.Println("resources", text(resources))
	fmt.Println("sources", text(sources))
	schema, err := p.GetSchema(&terraform.ProviderSchemaRequest{
		ResourceTypes: []string{resources[0].Name}, DataSources: []string{"null_data_source"},
	})
	fmt.Println("schema", text(schema), err)
	// JSON shows no types.
	for _, block := range schema.ResourceTypes {
		for _, name := range []string{"triggers", "name", "l", "m"} {
			if a := block.Attributes[name]; a != nil {
				fmt.Printf("type %s %#v\n", name, a.Type)
			}
		}
	}
	if resources[0].Name == "null_resource" {
		driveNull(p)
	} else {
		driveDual(p)
	}
	fmt.Println("stop", p.Stop())
}

func driveNull(p terraform.ResourceProvider) {
	fmt.Println(p.Validate(resource(map[string]interface{}{})))
	fmt.Println(p.ValidateResource("null_resource", resource(map[string]interface{}{"bogus": "x"})))
	fmt.Println(p.ValidateResource("nope", resource(map[string]interface{}{})))
	fmt.Println(p.ValidateDataSource("null_data_source", resource(map[string]interface{}{"bogus": "x"})))
	asked, err := p.Input(answers{}, resource(map[string]interface{}{}))
	fmt.Println("input", text(asked), err)
	fmt.Println("configure", p.Configure(resource(map[string]interface{}{})))

	info := &terraform.InstanceInfo{Id: "null_resource.a", Type: "null_resource", ModulePath: []string{"root"}}
	wanted := resource(map[string]interface{}{"triggers": map[string]interface{}{"k": "v1", "n": 7}})
	diff, err := p.Diff(info, nil, wanted)
	fmt.Println("diff", text(diff), err)
	state, err := p.Apply(info, nil, diff)
	check(err)
	unrandom(&state.ID, state.Attributes, "id")
	state.Meta = map[string]interface{}{"note": 3, "list": []interface{}{"a", nil, 1.5}}
	state.Ephemeral.ConnInfo = map[string]string{"host": "h"}
	fmt.Println("apply", text(state))
	state, err = p.Refresh(info, state)
	fmt.Println("refresh", text(state), err)
	none, err := p.Diff(info, state, wanted)
	fmt.Println("diff", text(none), err)

	source := &terraform.InstanceInfo{Id: "data.null_data_source.d", Type: "null_data_source"}
	diff, err = p.ReadDataDiff(source, resource(map[string]interface{}{"inputs": map[string]interface{}{"x": "hello"}}))
	fmt.Println("read diff", text(diff), err)
	state, err = p.ReadDataApply(source, diff)
	check(err)
	unrandom(nil, state.Attributes, "random")
	fmt.Println("read", text(state))
	_, err = p.ImportState(info, "abc")
	fmt.Println("import", err)
}

func driveDual(p terraform.ResourceProvider) {
	_, err := p.Input(answers{errors.New("nobody is there")}, resource(map[string]interface{}{}))
	fmt.Println("input", err)
	asked, err := p.Input(answers{}, resource(map[string]interface{}{}))
	fmt.Println("input", text(asked), err)
	fmt.Println("configure", p.Configure(resource(map[string]interface{}{"token": "bad"})))
	fmt.Println("configure", p.Configure(asked))
	info := &terraform.InstanceInfo{Id: "scratch_thing.a", Type: "scratch_thing"}
	for _, name := range []string{"x", "fail"} {
		diff, err := p.Diff(info, nil, resource(map[string]interface{}{
			"name": name, "f": 1.5, "b": true, "l": []interface{}{"a", "b"}, "m": map[string]interface{}{"k": "v"},
			"block": []map[string]interface{}{{"k": "1"}},
		}))
		check(err)
		state, err := p.Apply(info, nil, diff)
		fmt.Println("apply", text(state), err)
	}
	states, err := p.ImportState(info, "from-elsewhere")
	fmt.Println("import", text(states), err)
}

// answers is the user, or a failure to ask one.
type answers struct{ err error }

func (a answers) Input(_ context.Context, question *terraform.InputOpts) (string, error) {
	fmt.Println("asked", text(question))
	return "tk", a.err
}

func resource(values map[string]interface{}) *terraform.ResourceConfig {
	raw, err := config.NewRawConfig(values)
	check(err)
	return terraform.NewResourceConfig(raw)
}

// unrandom replaces a random number, which must be one.
func unrandom(id *string, attributes map[string]string, name string) {
	_, err := strconv.ParseUint(attributes[name], 10, 64)
	check(err)
	attributes[name] = "random"
	if id != nil {
		*id = "random"
	}
}

func text(value interface{}) string {
	text, err := json.Marshal(value)
	check(err)
	return string(text)
}

func check(err error) {
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}
