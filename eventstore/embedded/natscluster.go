package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// clusterPatience bounds the first election of JetStream's meta leader, which takes a second or two.
const clusterPatience = 30 * time.Second

// clusterSeat is one server's place among its peers.
type clusterSeat struct {
	name     string
	port     int
	password string
	peers    []*url.URL
}

func (s *clusterSeat) apply(options *server.Options) {
	options.ServerName = s.name
	options.Routes = s.peers
	options.Cluster = server.ClusterOpts{
		Name: "paymint", Host: "127.0.0.1", Port: s.port, Username: natsUser, Password: s.password,
	}
}

// StartNATSCluster starts count servers that replicate to one another over loopback, each in a folder of its own below
// o.Dir, and returns when they have chosen a leader. For fault tests: real replicas belong on real machines. Connect
// reaches one server only; ClientURL of any (with o.Listen) lets a client learn of the others.
func StartNATSCluster(o NATSOptions, count int) ([]*NATS, error) {
	seats, err := seats(count)
	if err != nil {
		return nil, fmt.Errorf("start NATS cluster: %w", err)
	}
	password := rand.Text()
	var servers []*NATS
	for i, seat := range seats {
		each := o
		each.Dir = filepath.Join(o.Dir, strconv.Itoa(i+1))
		server, err := startNATS(each, seat, password)
		if err != nil {
			return nil, errors.Join(err, stopAll(servers))
		}
		servers = append(servers, server)
	}
	if err := awaitQuorum(servers, clusterPatience); err != nil {
		return nil, errors.Join(err, stopAll(servers))
	}
	return servers, nil
}

// seats picks the route ports first, because every server must be told of all: JetStream counts its configured
// routes to know how many votes a majority is.
func seats(count int) ([]*clusterSeat, error) {
	password := rand.Text()
	var all []*clusterSeat
	var peers []*url.URL
	for i := range count {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		peers = append(peers, &url.URL{
			Scheme: "nats",
			User:   url.UserPassword(natsUser, password),
			Host:   net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		})
		all = append(all, &clusterSeat{name: fmt.Sprintf("paymint-%d", i+1), port: port, password: password})
	}
	for _, seat := range all {
		seat.peers = peers
	}
	return all, nil
}

func stopAll(servers []*NATS) error {
	var errs []error
	for _, each := range servers {
		errs = append(errs, each.Stop())
	}
	return errors.Join(errs...)
}

// awaitQuorum waits for a leader that has heard from every server: before, it finds no room for replicas.
func awaitQuorum(servers []*NATS, patience time.Duration) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		for _, each := range servers {
			if each.peersHeard() == len(servers) {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return fmt.Errorf("start NATS cluster: no leader with all servers within %s", patience)
		}
	}
}

// peersHeard counts the servers that a leader may place replicas on; 0 for a follower.
func (n *NATS) peersHeard() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server == nil || !n.server.JetStreamIsLeader() {
		return 0
	}
	return len(n.server.JetStreamClusterPeers())
}
