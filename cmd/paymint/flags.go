package main

import "github.com/spf13/cobra"

// commonFlags gives command --data-dir. The function it returns reads the settings
// once the flags are parsed: a flag wins over the environment.
func commonFlags(command *cobra.Command) (settings func() (Config, error)) {
	dataDir := command.Flags().String("data-dir", "", "folder of the embedded services (default .paymint)")
	_ = command.MarkFlagDirname("data-dir")
	return func() (Config, error) {
		c, err := loadConfig()
		if *dataDir != "" {
			c.DataDir = *dataDir
		}
		return c, err
	}
}
