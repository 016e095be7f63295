// Argostep is the controller's side of Argo Rollouts' step plugins: it drives the plugin whose command is its arguments,
// as its stdin says, a command a line. With the flag -plugin it is a plugin that answers with the rollout it was given.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	"github.com/argoproj/argo-rollouts/rollout/steps/plugin/rpc"
	"github.com/argoproj/argo-rollouts/utils/plugin/types"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var handshake = plugin.HandshakeConfig{
	ProtocolVersion: 1, MagicCookieKey: "ARGO_ROLLOUTS_RPC_PLUGIN", MagicCookieValue: "step",
}

func main() {
	if os.Args[1] == "-plugin" {
		plugin.Serve(&plugin.ServeConfig{
			HandshakeConfig: handshake,
			Plugins:         map[string]plugin.Plugin{"RpcStepPlugin": &rpc.RpcStepPlugin{Impl: echo{}}},
		})
		return
	}
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: handshake,
		Plugins:         map[string]plugin.Plugin{"RpcStepPlugin": &rpc.RpcStepPlugin{}},
		Cmd:             exec.Command(os.Args[1], os.Args[2:]...),
		Logger:          hclog.NewNullLogger(),
	})
	defer client.Kill()
	protocol, err := client.Client()
	check(err)
	raw, err := protocol.Dispense("RpcStepPlugin")
	check(err)
	step := raw.(rpc.StepPlugin)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		command, argument, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case "init":
			fmt.Println(step.InitPlugin().ErrorString)
		case "type":
			fmt.Println(step.Type())
		case "run":
			show(step.Run(rollout(), &types.RpcStepContext{PluginName: "p", Config: json.RawMessage(argument)}))
		case "terminate":
			show(step.Terminate(rollout(), &types.RpcStepContext{PluginName: "p", Status: json.RawMessage(argument)}))
		case "abort":
			show(step.Abort(rollout(), &types.RpcStepContext{PluginName: "p", Status: json.RawMessage(argument)}))
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func show(result types.RpcStepResult, err types.RpcError) {
	if err.HasError() {
		fmt.Println("error", err.ErrorString)
		return
	}
	fmt.Println(result.Phase, result.RequeueAfter, string(result.Status), result.Message)
}

// rollout is large and deep: maps, pointers, times, types that marshal themselves.
func rollout() *v1alpha1.Rollout {
	at := metav1.NewTime(time.Unix(1700000000, 123456789).UTC())
	replicas, index, weight := int32(3), int32(1), int32(20)
	canary := &v1alpha1.CanaryStrategy{CanaryService: "canary", StableService: "stable"}
	for range 10 {
		duration := intstr.FromString("1m")
		canary.Steps = append(canary.Steps,
			v1alpha1.CanaryStep{SetWeight: &weight},
			v1alpha1.CanaryStep{Pause: &v1alpha1.RolloutPause{Duration: &duration}},
			v1alpha1.CanaryStep{Plugin: &v1alpha1.PluginStep{Name: "p", Config: json.RawMessage(`{"Aggregate":true}`)}})
	}
	var containers []corev1.Container
	for i := range 20 {
		containers = append(containers, corev1.Container{
			Name: fmt.Sprint("container-", i), Image: "registry/image:1", Args: []string{"--verbose", "", "--name=ä"},
			Env:       []corev1.EnvVar{{Name: "KEY", Value: strings.Repeat("v", 100)}},
			Ports:     []corev1.ContainerPort{{ContainerPort: 80}},
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("100m")}},
			LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
				HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromInt(80)}}},
		})
	}
	return &v1alpha1.Rollout{
		ObjectMeta: metav1.ObjectMeta{
			Name: "guestbook", Namespace: "ns", Labels: map[string]string{"a": "b"}, CreationTimestamp: at,
			Annotations: map[string]string{"large": strings.Repeat("x", 10000)},
		},
		Spec: v1alpha1.RolloutSpec{
			Replicas: &replicas,
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: containers}},
			Strategy: v1alpha1.RolloutStrategy{Canary: canary},
		},
		Status: v1alpha1.RolloutStatus{
			CurrentStepIndex: &index,
			Canary: v1alpha1.CanaryStatus{StepPluginStatuses: []v1alpha1.StepPluginStatus{{
				Name: "p", StartedAt: &at, Phase: "Successful", Status: json.RawMessage(`{"Id":"x1","Value":"7"}`)}}},
		},
	}
}

// echo answers with the rollout as JSON.
type echo struct{}

func (echo) InitPlugin() types.RpcError { return types.RpcError{} }
func (echo) Type() string               { return "echo" }

func (echo) Run(r *v1alpha1.Rollout, c *types.RpcStepContext) (types.RpcStepResult, types.RpcError) {
	all, err := json.Marshal(map[string]any{"rollout": r, "context": c})
	if err != nil {
		return types.RpcStepResult{}, types.RpcError{ErrorString: err.Error()}
	}
	return types.RpcStepResult{Phase: types.PhaseSuccessful, Status: all}, types.RpcError{}
}

func (e echo) Terminate(r *v1alpha1.Rollout, c *types.RpcStepContext) (types.RpcStepResult, types.RpcError) {
	return e.Run(r, c)
}

func (e echo) Abort(r *v1alpha1.Rollout, c *types.RpcStepContext) (types.RpcStepResult, types.RpcError) {
	return e.Run(r, c)
}
