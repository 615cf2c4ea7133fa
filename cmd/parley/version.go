package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// compatible is the version of Rasa whose files, commands and HTTP API these are.
const compatible = "3.6.21"

// version is set by the linker for a release: -X main.version=1.2.3.
var version string //nolint:gochecknoglobals // the linker sets it

// buildVersion is the version of a release, or what Go knows about the build.
func buildVersion() (name, revision string) {
	name = version
	info, ok := debug.ReadBuildInfo()
	if !ok {
		if name == "" {
			name = "dev"
		}
		return name, "unknown"
	}
	revision = "unknown"
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	if name == "" {
		name = "dev"
		if v := info.Main.Version; v != "" && v != "(devel)" {
			name = v
		}
	}
	return name, revision
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	name, revision := buildVersion()
	path, err := os.Executable()
	if err != nil {
		path = "unknown"
	}
	_, err = fmt.Fprintf(a.out, "Parley Version             : %s\nRevision                   : %s\nRasa Version               : %s\n"+
		"Minimum Compatible Version : %s\nGo Version                 : %s\nOperating System           : %s/%s\nPath                       : %s\n",
		name, revision, compatible, compatible, runtime.Version(), runtime.GOOS, runtime.GOARCH, path)
	return err
}
