package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// modelCommand is the group of commands about trained models.
func (a *app) modelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "Fetch a trained model, or wait for one",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.fetchCommand(), a.awaitCommand())
	return cmd
}

// fetchFlags are the flags of model fetch.
type fetchFlags struct {
	url, sha256, out string
	maxMiB           int
	timeout, pause   time.Duration
}

// fetchTries is how often a download is tried.
const fetchTries = 5

// fetchCommand downloads a model before a server starts: the init container of the chart.
func (a *app) fetchCommand() *cobra.Command {
	f := fetchFlags{pause: time.Second}
	cmd := &cobra.Command{
		Use:   "fetch",
		Short: "Download a trained model and check its SHA-256",
		Long: "Downloads a trained model into a folder, unless it is there already. Without the right SHA-256 nothing is kept. A header to send, " +
			"such as 'Authorization: Bearer …', is taken from MODEL_HEADER.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := url.Parse(f.url)
			sum, notHex := hex.DecodeString(f.sha256)
			switch {
			case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
				return &usageError{cmd, fmt.Sprintf("argument --url: %q is no http or https URL", f.url)}
			case notHex != nil || len(sum) != sha256.Size:
				return &usageError{cmd, "argument --sha256: expected 64 hex digits"}
			case f.maxMiB < 1 || f.timeout <= 0:
				return &usageError{cmd, "argument --max-mib, --timeout: expected a positive number"}
			}
			ctx, done := context.WithTimeout(cmd.Context(), f.timeout)
			defer done()
			return a.fetch(ctx, f, u)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "`URL` of the model's archive")
	flags.StringVar(&f.sha256, "sha256", "", "SHA-256 of the archive, 64 `HEX` digits")
	flags.StringVar(&f.out, "out", defaultModels, "`FOLDER` to write it to")
	flags.IntVar(&f.maxMiB, "max-mib", 1024, "`MEBIBYTES` that the archive may have")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "how long it may take in all, a `SPAN` such as 10m")
	return cmd
}

// fetch downloads until it succeeds, the server says that it never will, or the tries are used up.
func (a *app) fetch(ctx context.Context, f fetchFlags, u *url.URL) error {
	name := path.Base(u.Path)
	if !strings.HasSuffix(name, ".tar.gz") {
		name = f.sha256[:16] + ".tar.gz"
	}
	file := filepath.Join(f.out, name)
	if sum, err := sumOf(file); err == nil && strings.EqualFold(sum, f.sha256) {
		a.success("%s is there already.", file)
		return nil
	}
	if err := os.MkdirAll(f.out, 0o750); err != nil {
		return fmt.Errorf("make the folder for the model: %w", err)
	}
	for try := 1; ; try++ {
		err := a.download(ctx, f, file)
		if err == nil {
			a.success("%s was fetched.", file)
			return nil
		}
		if _, final := errors.AsType[*endError](err); final || try == fetchTries || ctx.Err() != nil {
			return failure("The model was not fetched: %s", err)
		}
		a.log.Warn("fetching the model failed, it is tried again", "attempt", try, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(f.pause << (try - 1)):
		}
	}
}

// download fetches the model once. Failures that a repetition cannot mend are endErrors.
func (a *app) download(ctx context.Context, f fetchFlags, file string) (err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return fmt.Errorf("ask for the model: %w", err)
	}
	if h := a.env("MODEL_HEADER"); h != "" {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return failure("MODEL_HEADER is no header; it must be as in 'Authorization: Bearer …'.")
		}
		r.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	client := http.Client{CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if len(via) > 3 {
			return errors.New("more than three redirects")
		}
		if next.URL.Host != via[0].URL.Host { // the header is for one server only
			next.Header = http.Header{} //nolint:gosec // it is emptied
		}
		return nil
	}}
	resp, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("ask for the model: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout:
		return fmt.Errorf("the server answered %s", resp.Status)
	case resp.StatusCode != http.StatusOK:
		return failure("the server answered %s.", resp.Status)
	}
	return store(f, resp.Body, file)
}

// store writes an archive to its file, whole and with the right checksum or not at all.
func store(f fetchFlags, body io.Reader, file string) (err error) {
	temp, err := os.CreateTemp(f.out, ".fetch-*")
	if err != nil {
		return failure("a file in %s cannot be made: %s.", f.out, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	most, hash := int64(f.maxMiB)<<20, sha256.New()
	n, err := io.Copy(io.MultiWriter(temp, hash), io.LimitReader(body, most+1))
	err = cmp.Or(err, temp.Close())
	if sum := hex.EncodeToString(hash.Sum(nil)); err == nil {
		switch {
		case n > most:
			err = failure("it has more than the %d MiB that --max-mib allows.", f.maxMiB)
		case !strings.EqualFold(sum, f.sha256):
			err = failure("its SHA-256 is %s, not %s.", sum, f.sha256)
		}
	}
	if err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), file); err != nil {
		return fmt.Errorf("put the model into place: %w", err)
	}
	return nil
}

// sumOf is the SHA-256 of a file, in hex.
func sumOf(file string) (string, error) {
	in, err := os.Open(file) //nolint:gosec // the operator names the folder
	if err != nil {
		return "", fmt.Errorf("look for the model: %w", err)
	}
	defer func() { _ = in.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, in); err != nil {
		return "", fmt.Errorf("read the model: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
