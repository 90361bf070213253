package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
)

func newPlatformKeyCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "platform-key",
		Short: "Make a key of the platform, which is bound to no merchant",
		Long: `Makes a secret key of the platform and prints it, once: only its digest is kept.
Whoever holds it works for the platform: it corrects payments of any merchant. Works
beside a running server or without one; with DATABASE_URL it needs the servers'
PAYMINT_PEPPER.`,
		Example: `  paymint merchant platform-key
  paymint merchant platform-key --json`,
		Args: cobra.NoArgs,
	}
	settings := commonFlags(command)
	asJSON := jsonFlag(command, "print JSON")
	command.RunE = func(command *cobra.Command, _ []string) error {
		c, err := settings()
		if err != nil {
			return err
		}
		return withTool(command.Context(), c, func(a *app) error {
			key, err := a.issuePlatformKey(command.Context())
			if err != nil {
				return err
			}
			if *asJSON {
				return json.NewEncoder(command.OutOrStdout()).Encode(map[string]string{"platform_key": key.Secret.Reveal()})
			}
			return printText(command, fmt.Sprintf("platform key     %s\n", key.Secret.Reveal()))
		})
	}
	return command
}

func (a *app) issuePlatformKey(ctx context.Context) (commands.KeyReply, error) {
	key, err := a.desk.IssueKey(ctx, a.operatorCall(), commands.IssueKey{Kind: access.KindSecret, Scopes: []access.Scope{access.PlatformAdmin}})
	if err != nil {
		return key, fmt.Errorf("issue the platform key: %w", err)
	}
	return key, nil
}
