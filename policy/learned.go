package policy

import "context"

// nothing stands in for the policies that are not built yet. It predicts nothing, so that others decide.
type nothing struct{}

func trainNothing(context.Context, *trainer, *settings) (trained, error) { return nothing{}, nil }

func (nothing) vote(context.Context, *window) (vote, error) {
	return vote{reason: "nothing was learned"}, nil
}

func (nothing) simple() bool { return true }

func (nothing) encode(*vocabulary) any { return struct{}{} }

func decodeNothing([]byte, *vocabulary, *settings) (trained, error) { return nothing{}, nil }
