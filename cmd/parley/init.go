package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"parley/examples/starter"
)

func (a *app) initCommand() *cobra.Command {
	var dir string
	var noPrompt bool
	cmd := &cobra.Command{
		Use:   "init [dir]",
		Short: "Write a starter bot that works",
		Long:  "Writes a small bot that works into a folder, by default the current one.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && dir == "" {
				dir = args[0]
			}
			return a.initialize(dir, !noPrompt && a.isTerminal(a.in))
		},
	}
	cmd.Flags().BoolVar(&noPrompt, "no-prompt", false, "ask nothing and write over files that exist")
	cmd.Flags().StringVar(&dir, "init-dir", "", "`DIR` to write the project to; it must exist with --no-prompt in Rasa, here it is made")
	return cmd
}

// initialize writes the starter bot to a folder. Files that are there already are only replaced with the user's consent.
func (a *app) initialize(dir string, ask bool) error {
	if dir == "" {
		dir = "."
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return failure("'%s' is a file, not a folder.", dir)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 && ask {
		ok, err := a.confirm(fmt.Sprintf("The folder '%s' is not empty. Write the bot into it, over files of the same names?", dir))
		if err != nil {
			return err
		}
		if !ok {
			a.success("Nothing was written.")
			return nil
		}
	}
	if err := writeFiles(dir, starter.Files()); err != nil {
		return fmt.Errorf("write the starter bot: %w", err)
	}
	a.success("A starter bot is in '%s'.", dir)
	at := ""
	if dir != "." {
		at = "cd " + dir + " && "
	}
	a.info("Train it and talk to it:  %sparley train && parley shell", at)
	return nil
}

// confirm asks a question that is answered by yes or no; an empty answer is yes.
func (a *app) confirm(question string) (bool, error) {
	if _, err := fmt.Fprintf(a.out, "%s [Y/n] ", question); err != nil {
		return false, err
	}
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && line == "" {
		return false, nil // the end of the input is a no
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "", "y", "yes":
		return true, nil
	}
	return false, nil
}

// writeFiles copies a tree of files into a folder.
func writeFiles(dir string, files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if entry.IsDir() {
			if err := os.MkdirAll(path, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			return nil
		}
		if filepath.Ext(name) == ".go" {
			return nil
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(path, data, 0o600)
	})
}
