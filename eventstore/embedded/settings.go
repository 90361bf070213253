package embedded

import (
	"cmp"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
)

// setting is one line of PostgreSQL's configuration and why it differs from (or insists on) the default.
type setting struct{ name, value, why string }

// settings suit one small machine that appends all day. They travel as -c flags, so no crash can tear them and an
// edited file in the data folder cannot weaken them.
func (o PostgresOptions) settings() []setting {
	return []setting{
		{"fsync", "on", "an acknowledged commit survives a power cut"},
		{"synchronous_commit", "on", "commit returns after the log is on disk"},
		{"full_page_writes", "on", "a page torn by a power cut is repaired from the log"},

		{"wal_level", "minimal", "no replica hangs on a private cluster; COPY into a new table skips the log"},
		{"max_wal_senders", "0", "required by wal_level=minimal"},
		{"max_wal_size", "1GB", "bounds recovery after a kill: 200 MB are replayed a second, so 5 s at most; 4GB was no faster"},
		{"min_wal_size", "512MB", "recycle log files: creating one costs 16 MB of zeros and a sync"},
		{"wal_buffers", "16MB", "a batch never waits for room in the log buffer"},
		{"checkpoint_timeout", "15min", "full-page images are logged once per checkpoint and page: seldom is cheap"},
		{"checkpoint_completion_target", "0.9", "spread the writing; commits keep the disk"},

		{"shared_buffers", cmp.Or(o.SharedBuffers, "256MB"), "the hot end of the log, its indexes and the heads fit"},
		{"effective_cache_size", "1GB", "what the system's cache will hold on a small machine"},
		{"work_mem", "8MB", "lists sort in memory; times max_connections it stays bounded"},
		{"maintenance_work_mem", "128MB", "index builds of a rebuild"},
		{"huge_pages", "off", "not granted in containers; asking costs a failed attempt"},
		{"random_page_cost", "1.1", "SSD: an index probe is not a disk seek"},
		{"jit", "off", "our queries are short; compiling one costs more than running it"},
		{"max_parallel_workers_per_gather", "0", "two cores belong to requests; also spares small /dev/shm mounts"},
		{"max_logical_replication_workers", "0", "no replication, no launcher process"},

		{"max_connections", strconv.Itoa(cmp.Or(o.MaxConnections, 60)), "pools are small; each backend costs memory"},
		{"superuser_reserved_connections", "3", "a person can still look when the pools are exhausted"},

		{"autovacuum", "on", "the head and checkpoint rows are updated all day"},
		{"autovacuum_naptime", "1min", "every plan is forced, so statistics can wait; sampling each growing table every 10 s stalled the tail of an open loop"},
		{"autovacuum_max_workers", "2", "one for the big tables, one for the hot small ones"},
		{"autovacuum_vacuum_scale_factor", "0.2", "heads are updated in place (HOT) and pruned as they are read; a pass is for the rest"},
		{"autovacuum_analyze_scale_factor", "0.2", "as above: nothing but a person's own query reads statistics"},
		{"autovacuum_work_mem", "64MB", "bounded whatever maintenance_work_mem is"},

		{"timezone", "UTC", "the machine's zone never leaks into a text form"},
		{"log_timezone", "UTC", "as above"},
		{"track_io_timing", "off", "two clock reads per block"},

		{"logging_collector", "off", "log lines come to us by pipe"},
		{"log_destination", "stderr", "as above"},
		{"log_line_prefix", "", "we add time and source ourselves"},
		{"log_min_messages", "warning", "errors that callers get are the callers' to log"},
		{"log_min_error_statement", "panic", "statements may hold personal data: never in a log"},
		{"log_error_verbosity", "terse", "DETAIL lines quote row values: never in a log"},
		{"log_checkpoints", "off", "noise"},
		{"cluster_name", "paymint", "tells these processes from a system cluster in ps"},
	}
}

// throwawaySettings give durability up. Only for data that no test reads after a crash.
var throwawaySettings = []setting{
	{"fsync", "off", "the data ends with the test"},
	{"synchronous_commit", "off", "as above"},
	{"full_page_writes", "off", "as above"},
	{"max_wal_size", "512MB", "temporary folders are small"},
	{"min_wal_size", "80MB", "as above"},
	{"shared_buffers", "64MB", "several test binaries run at once"},
	{"max_connections", "200", "parallel tests each bring a pool"},
}

// flags is the whole command line. Later flags win: ours, then what the platform needs, then throwaway, then the
// caller's own.
func (p *Postgres) flags() []string {
	all := p.options.settings()
	all = append(all, p.platformSettings()...)
	if p.options.Throwaway {
		all = append(all, throwawaySettings...)
	}
	for _, name := range slices.Sorted(maps.Keys(p.options.Settings)) {
		all = append(all, setting{name: name, value: p.options.Settings[name]})
	}
	listen := ""
	if p.options.TCP {
		listen = "127.0.0.1"
	}
	all = append(all,
		setting{name: "listen_addresses", value: listen},
		setting{name: "port", value: strconv.Itoa(p.port)},
		setting{name: "unix_socket_directories", value: p.socketDir},
		setting{name: "unix_socket_permissions", value: "0700"},
	)
	flags := []string{"-D", p.dataDir()}
	for _, each := range all {
		flags = append(flags, "-c", each.name+"="+each.value)
	}
	return flags
}

// platformSettings depend on the kernel and on how the binaries were built, which is asked once: a probe takes 12 ms.
func (p *Postgres) platformSettings() []setting {
	if p.platform != nil {
		return p.platform
	}
	p.platform = []setting{{"wal_compression", "on", "full-page images shrink, by whatever this build has"}}
	wishes := []setting{{"wal_compression", "lz4", "the same for far less CPU"}}
	switch runtime.GOOS {
	case "darwin":
		wishes = append(wishes, setting{"wal_sync_method", "fsync_writethrough", "macOS otherwise stops at the drive's cache"})
	case "linux":
		wishes = append(wishes, setting{"recovery_init_sync_method", "syncfs", "one call instead of opening 1,000 files: 0.3 s instead of 1 s after a kill"})
	}
	if p.understands(wishes) {
		p.platform = append(p.platform, wishes...)
		return p.platform
	}
	for _, wish := range wishes {
		if p.understands([]setting{wish}) {
			p.platform = append(p.platform, wish)
		}
	}
	return p.platform
}

// understands asks the binary whether it knows these settings and values.
func (p *Postgres) understands(wishes []setting) bool {
	args := []string{"-C", wishes[0].name, "-D", p.dataDir()}
	for _, wish := range wishes {
		args = append(args, "-c", wish.name+"="+wish.value)
	}
	probe, err := command{
		program: filepath.Join(p.bin, "postgres"), args: args, dir: p.dir, as: p.account, onOurDeath: syscall.SIGKILL,
	}.start()
	if err != nil {
		return false
	}
	<-probe.exited
	return probe.err == nil
}
