// Package deploy_test reads the files a cluster is started from as the servers would, so that a slip in one of them is
// found here and not at the first start.
package deploy_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func TestNATSReadsItsConfiguration(t *testing.T) {
	t.Setenv("NATS_NAME", "nats-2")
	options, err := server.ProcessConfigFile("nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	if options.ServerName != "nats-2" {
		t.Errorf("server name %q, want the one of the environment", options.ServerName)
	}
	if !options.JetStream || options.StoreDir != "/data" {
		t.Errorf("JetStream %v in %q, want it on and on the volume", options.JetStream, options.StoreDir)
	}
	if options.Cluster.Name != "paymint" || len(options.Routes) != 3 {
		t.Errorf("cluster %q with routes %v, want all three servers", options.Cluster.Name, options.Routes)
	}
	if options.Port != 4222 || options.HTTPPort != 8222 || options.Cluster.Port != 6222 {
		t.Errorf("ports %d, %d, %d: docker-compose.yml expects 4222, 8222, 6222", options.Port, options.HTTPPort, options.Cluster.Port)
	}
}
