package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley/metrics"
	"parley/model"
	"parley/project"
	"parley/worker"
)

// Training over HTTP runs in a process of its own, of low priority and with half of the processors, so that turns keep theirs: the
// server writes what was sent into a folder and calls itself with the hidden command below.

// trainJob is what the folder of a training says is to be done, and what came of it.
type trainJob struct {
	Augmentation int      `json:"augmentation"`
	Out          string   `json:"out"` // folder of the archive
	Files        []string `json:"files"`

	Path     string   `json:"path"` // of the archive
	Invalid  bool     `json:"invalid"`
	Error    string   `json:"error"`
	Warnings []string `json:"warnings"`
}

const (
	trainCommandName = "_train"
	trainJobFile     = "job.json"
	trainDataDir     = "files"
)

// trainRequest trains what POST /model/train sends: one document with everything a project has in its files, or these files.
func (a *app) trainRequest(m *metrics.Metrics) func(ctx context.Context, r worker.TrainRequest) (string, error) {
	return func(ctx context.Context, r worker.TrainRequest) (path string, err error) {
		end := m.TrainingStarted()
		result := "error"
		defer func() { end(result) }()
		dir, err := os.MkdirTemp("", "parley-train-")
		if err != nil {
			return "", fmt.Errorf("make a folder for the training data: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if r.Dir == "" {
			r.Dir = defaultModels
		}
		job := trainJob{Augmentation: r.Augmentation}
		if job.Out, err = filepath.Abs(r.Dir); err != nil {
			return "", fmt.Errorf("find the folder for the model: %w", err)
		}
		if err := os.MkdirAll(job.Out, 0o750); err != nil {
			return "", fmt.Errorf("make the folder for the model: %w", err)
		}
		if err := os.Mkdir(filepath.Join(dir, trainDataDir), 0o700); err != nil {
			return "", fmt.Errorf("make a folder for the training data: %w", err)
		}
		files := r.Files
		if files == nil {
			files = map[string][]byte{"data.yml": r.Body}
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, trainDataDir, name), text, 0o600); err != nil {
				return "", fmt.Errorf("write the training data: %w", err)
			}
			job.Files = append(job.Files, name)
		}
		slices.Sort(job.Files)
		if err := a.runTrainJob(ctx, dir, &job); err != nil {
			return "", err
		}
		for _, w := range job.Warnings {
			a.log.Warn("while training", "warning", w)
		}
		switch {
		case job.Invalid:
			result = "invalid"
			return "", fmt.Errorf("%w: %s", worker.ErrInvalidPayload, job.Error)
		case job.Error != "":
			return "", fmt.Errorf("%w: %s", worker.ErrUnusable, job.Error)
		}
		result = "ok"
		return job.Path, nil
	}
}

// runTrainJob runs the process of a training and reads what came of it. The process ends when ctx or this process does.
func (a *app) runTrainJob(ctx context.Context, dir string, job *trainJob) error {
	if err := writeJob(dir, job); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program to train with: %w", err)
	}
	var complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, program, trainCommandName, dir) //nolint:gosec // ourselves
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(max(1, runtime.GOMAXPROCS(0)/2)))
	cmd.Stderr = &complaints
	cmd.WaitDelay = 5 * time.Second
	hold, err := cmd.StdinPipe() // its end is the news that this process has died
	if err != nil {
		return fmt.Errorf("start a training: %w", err)
	}
	defer func() { _ = hold.Close() }()
	if err := startLowly(cmd); err != nil {
		return fmt.Errorf("start a training: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("train: %w", ctx.Err())
		}
		a.log.Error("the process of a training failed", "error", err, "stderr", tail(complaints.String(), 4000))
		return fmt.Errorf("the process of the training failed: %w", err)
	}
	return readJob(dir, job)
}

// tail is the end of a text.
func tail(s string, n int) string { return s[max(0, len(s)-n):] }

func writeJob(dir string, job *trainJob) error {
	b, err := json.Marshal(job)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, trainJobFile), b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write the training: %w", err)
	}
	return nil
}

func readJob(dir string, job *trainJob) error {
	b, err := os.ReadFile(filepath.Join(dir, trainJobFile)) //nolint:gosec // our own folder
	if err == nil {
		err = json.Unmarshal(b, job)
	}
	if err != nil {
		return fmt.Errorf("read the training: %w", err)
	}
	return nil
}

// trainJobCommand is the process of a training.
func (a *app) trainJobCommand() *cobra.Command {
	return &cobra.Command{
		Use:    trainCommandName + " DIR",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go func() { // ends with the process
				_, _ = a.in.Read(make([]byte, 1))
				cancel()
			}()
			var job trainJob
			if err := readJob(args[0], &job); err != nil {
				return err
			}
			if err := job.run(ctx, filepath.Join(args[0], trainDataDir)); err != nil {
				return err
			}
			return writeJob(args[0], &job)
		},
	}
}

// run trains. What is wrong with the data is a result; an error is one of the process.
func (job *trainJob) run(ctx context.Context, dir string) error {
	p, err := project.Load(trainPaths(dir, job.Files))
	if err != nil {
		err = payloadError(err, dir)
		job.Invalid = errors.Is(err, worker.ErrInvalidPayload)
		job.Error = plainError(err)
		return nil //nolint:nilerr // it is the result
	}
	trained, err := model.Train(ctx, p, model.Options{
		Augmentation: job.Augmentation,
		Warn:         func(message string) { job.Warnings = append(job.Warnings, message) },
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		job.Error = err.Error()
		return nil //nolint:nilerr // it is the result
	}
	prefix := ""
	switch {
	case trained.Policies == nil:
		prefix = "nlu-"
	case trained.NLU == nil:
		prefix = "core-"
	}
	job.Path = filepath.Join(job.Out, modelName(prefix, time.Now()))
	return trained.Save(job.Path)
}

// plainError is the text of an error of payloadError without what it says of the client.
func plainError(err error) string {
	text := err.Error()
	for _, kind := range []error{worker.ErrInvalidPayload, worker.ErrUnusable} {
		text = strings.TrimPrefix(text, kind.Error()+": ")
	}
	return text
}

// trainPaths says what the files of a training are: their names begin with config or domain, or they hold training data. One file
// alone holds everything.
func trainPaths(dir string, files []string) project.Paths {
	if len(files) == 1 {
		file := filepath.Join(dir, files[0])
		return project.Paths{Config: file, Domain: file, Data: []string{file}}
	}
	var p project.Paths
	for _, name := range files {
		file := filepath.Join(dir, name)
		switch {
		case strings.HasPrefix(name, "config") && p.Config == "":
			p.Config = file
		case strings.HasPrefix(name, "domain") && p.Domain == "":
			p.Domain = file
		default:
			p.Data = append(p.Data, file)
		}
	}
	return p
}
