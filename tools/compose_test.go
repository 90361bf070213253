package tools

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

func TestTheClusterHasEveryRoleAndItsServers(t *testing.T) {
	t.Parallel()
	project := load(t)
	roles := map[string]int{}
	for _, server := range ours(project) {
		if server.Command[0] == "serve" {
			roles[server.Command[slices.Index(server.Command, "--role")+1]]++
		}
	}
	for role, want := range map[string]int{"api": 2, "relay": 1, "projector": 1, "reactor": 1} {
		if roles[role] != want {
			t.Errorf("%d servers of role %s, want %d", roles[role], role, want)
		}
	}
	for _, name := range []string{"postgres", "nats-1", "nats-2", "nats-3", "migrate"} {
		if _, ok := project.Services[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
}

func TestPaymintRunsWithoutPrivilegesAndWithoutPasswordsInItsEnvironment(t *testing.T) {
	t.Parallel()
	for _, server := range ours(load(t)) {
		if !server.ReadOnly || server.User != "65532:65532" || !slices.Contains(server.CapDrop, "ALL") || !slices.Contains(server.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may write, is root, or may gain privileges", server.Name)
		}
		mounted := map[string]bool{}
		for _, secret := range server.Secrets {
			mounted["/run/secrets/"+secret.Source] = true
		}
		for name, value := range server.Environment {
			switch {
			case strings.HasSuffix(name, "_FILE") && !mounted[*value]:
				t.Errorf("%s reads %s from %s, which is not mounted", server.Name, name, *value)
			case slices.Contains([]string{"DATABASE_URL", "PAYMINT_PEPPER", "PAYMINT_CURSOR_KEY"}, name):
				t.Errorf("%s has the secret %s in its environment: name a file in %s_FILE", server.Name, name, name)
			}
		}
		if mounted["/run/secrets/owner_url"] != (server.Name == "migrate") {
			t.Errorf("%s: migrate, and only migrate, connects as the owner of the tables", server.Name)
		}
	}
}

func TestEveryServerHasAHealthCheckAndWaitsForWhatItNeeds(t *testing.T) {
	t.Parallel()
	project := load(t)
	for name, server := range project.Services {
		if name != "migrate" && (server.HealthCheck == nil || server.HealthCheck.Disable) {
			t.Errorf("%s has no health check", name)
		}
	}
	for _, server := range ours(project) {
		if server.Name == "migrate" {
			continue
		}
		if server.DependsOn["migrate"].Condition != types.ServiceConditionCompletedSuccessfully {
			t.Errorf("%s does not wait for the migrations", server.Name)
		}
		for _, nats := range []string{"nats-1", "nats-2", "nats-3"} {
			if server.DependsOn[nats].Condition != types.ServiceConditionHealthy {
				t.Errorf("%s does not wait for %s", server.Name, nats)
			}
			if !strings.Contains(*server.Environment["NATS_URL"], nats+":4222") {
				t.Errorf("%s does not know %s", server.Name, nats)
			}
		}
	}
}

func TestNothingButTheCounterIsReachableFromOutside(t *testing.T) {
	t.Parallel()
	for name, server := range load(t).Services {
		for _, port := range server.Ports {
			if port.HostIP != "127.0.0.1" || !strings.HasPrefix(name, "api-") {
				t.Errorf("%s publishes %s on %q", name, port.Published, port.HostIP)
			}
		}
	}
}

func TestWhatIsMountedIsInTheTreeOrMadeByTheScript(t *testing.T) {
	t.Parallel()
	project := load(t)
	for name, server := range project.Services {
		for _, volume := range server.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(volume.Source); err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
	}
}

func TestTheScriptMakesEverySecretAndKeepsWhatItMade(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	scripts := filepath.Join(root, "scripts")
	if err := os.CopyFS(scripts, os.DirFS("../scripts")); err != nil {
		t.Fatal(err)
	}
	made := func(secret types.SecretConfig) string {
		t.Helper()
		if out, err := exec.Command(filepath.Join(scripts, "compose-secrets.sh")).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		text, err := os.ReadFile(filepath.Join(root, "deploy", "secrets", filepath.Base(secret.File)))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, secret := range load(t).Secrets {
		if first, again := made(secret), made(secret); first != again || len(first) < 64 {
			t.Errorf("%s: %d characters first, kept: %v", name, len(first), first == again)
		}
	}
}

// load reads docker-compose.yml as docker compose would: schema, merges, references between its parts.
func load(t *testing.T) *types.Project {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "docker-compose.yml")
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: []types.ConfigFile{{Filename: file}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// ours lists the services that run Paymint itself.
func ours(project *types.Project) (servers []types.ServiceConfig) {
	for _, server := range project.Services {
		if server.Image == "paymint:local" {
			servers = append(servers, server)
		}
	}
	return servers
}
