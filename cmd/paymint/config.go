package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11" // environment → struct, with defaults and _FILE indirection
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

// Config is everything that a process takes from its environment. The zero value
// of a new field must be a working default. Secrets are given as a value or, with
// the suffix _FILE, as the path of a file; `paymint config` never prints them.
type Config struct {
	DatabaseURL Secret `env:"DATABASE_URL" help:"PostgreSQL 15 or newer; empty: an embedded one in the data folder"`
	NATSURL     Secret `env:"NATS_URL" help:"NATS 2.12 or newer with JetStream; empty: an embedded one in the data folder"`
	DataDir     string `env:"PAYMINT_DATA_DIR" envDefault:".paymint" help:"folder of the embedded services and dev.json"`

	Listen      string   `env:"PAYMINT_LISTEN" envDefault:"127.0.0.1:8080" help:"address of the API"`
	BaseURL     string   `env:"PAYMINT_BASE_URL" help:"how clients reach the API; empty: http://<listen>"`
	DebugListen string   `env:"PAYMINT_DEBUG_LISTEN" envDefault:"127.0.0.1:0" help:"address of pprof, loopback only; off: none"`
	LogLevel    LogLevel `env:"PAYMINT_LOG_LEVEL" envDefault:"info" help:"debug, info, warn or error"`
	LogRequests bool     `env:"PAYMINT_LOG_REQUESTS" help:"one log line per API request"`

	PostgresBin  string `env:"PAYMINT_POSTGRES_BIN" help:"folder of the PostgreSQL programs for the embedded one; empty: searched"`
	Lanes        int    `env:"PAYMINT_LANES" envDefault:"1" help:"total orders of the log; only ever raised"`
	DatabasePool int    `env:"PAYMINT_DB_POOL" envDefault:"8" help:"connections for reads and queries of this process"`
	Replicas     int    `env:"PAYMINT_NATS_REPLICAS" envDefault:"1" help:"copies of each JetStream stream: 3 in a cluster"`

	StreamBytes int64 `env:"PAYMINT_NATS_MAX_BYTES" envDefault:"2147483648" help:"bytes a JetStream stream keeps; older events stay in PostgreSQL"`

	Pepper    Secret `env:"PAYMINT_PEPPER" help:"key of the API keys' look-up digest; 32 or more random characters"`
	CursorKey Secret `env:"PAYMINT_CURSOR_KEY" help:"key that signs list cursors; 32 or more random characters"`

	NoRateLimits  bool          `env:"PAYMINT_NO_RATE_LIMITS" help:"switch rate limits off (load tests)"`
	StopTimeout   time.Duration `env:"PAYMINT_STOP_TIMEOUT" envDefault:"20s" help:"how long a stop waits for requests under way"`
	TraceEndpoint string        `env:"OTEL_EXPORTER_OTLP_ENDPOINT" help:"OpenTelemetry collector (OTLP over HTTP); empty: no traces"`
}

// Secret is a setting that is never printed.
type Secret string

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[redacted]"
}

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps JSON from printing it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogLevel is slog's level, read from text.
type LogLevel struct{ slog.Level }

// loadConfig reads the environment.
func loadConfig() (Config, error) {
	var c Config
	environment, err := withSecretFiles(env.ToMap(os.Environ()))
	if err != nil {
		return c, err
	}
	if err := env.ParseWithOptions(&c, env.Options{Environment: environment}); err != nil {
		return c, fmt.Errorf("read the environment: %w; `paymint config` lists the settings", err)
	}
	return c, nil
}

// withSecretFiles replaces NAME_FILE by NAME with the file's content.
func withSecretFiles(environment map[string]string) (map[string]string, error) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		name := field.Tag.Get("env")
		path := environment[name+"_FILE"]
		if path == "" || field.Type != reflect.TypeFor[Secret]() {
			continue
		}
		content, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("read %s_FILE: %w", name, err)
		}
		environment[name] = strings.TrimSpace(string(content))
	}
	return environment, nil
}

func newConfigCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:     "config",
		Short:   "Print every setting, its value in force and its meaning (secrets redacted)",
		Example: "  paymint config\n  PAYMINT_LANES=4 paymint config --json",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			c, err := loadConfig()
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(command.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(c)
			}
			fmt.Fprintln(command.OutOrStdout(), configTable(c))
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

func configTable(c Config) string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"setting", "value", "meaning"})
	value := reflect.ValueOf(c)
	for _, field := range reflect.VisibleFields(value.Type()) {
		t.AppendRow(table.Row{field.Tag.Get("env"), fmt.Sprint(value.FieldByIndex(field.Index)), field.Tag.Get("help")})
	}
	return t.Render()
}
