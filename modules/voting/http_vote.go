package voting

import (
	"context"
	"errors"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

var (
	voteAdded   = fault.Text{ES: "Tu voto quedó registrado.", EN: "Your vote has been counted."}
	voteRemoved = fault.Text{ES: "Tu voto fue retirado.", EN: "Your vote has been removed."}
)

type voteOutput struct {
	Body struct {
		Message    string `json:"message"`
		VideoID    string `json:"video_id"`
		TotalVotes int    `json:"total_votes"`
		ID         string `json:"id" deprecated:"true" doc:"The same as video_id"`
		VoteCount  int    `json:"vote_count" deprecated:"true" doc:"The same as total_votes"`
	}
}

func (a api) postVote(ctx context.Context, in *videoInput) (*voteOutput, error) {
	total, err := a.Vote(ctx, in.ID, auth.CallerID(ctx))
	if errors.Is(err, errAlreadyVoted) && web.OnceOf(ctx).Resumed() {
		total, err = a.store.tally(ctx, in.ID) // an attempt that was cut off has cast the vote
	}
	if err != nil {
		return nil, err
	}
	return voteOutputOf(in.ID, total, web.Say(ctx, voteAdded)), nil
}

func (a api) deleteVote(ctx context.Context, in *videoInput) (*voteOutput, error) {
	total, err := a.Unvote(ctx, in.ID, auth.CallerID(ctx))
	if err != nil {
		return nil, err
	}
	return voteOutputOf(in.ID, total, web.Say(ctx, voteRemoved)), nil
}

func voteOutputOf(videoID string, total int, message string) *voteOutput {
	out := &voteOutput{}
	out.Body.Message, out.Body.VideoID, out.Body.TotalVotes = message, videoID, total
	out.Body.ID, out.Body.VoteCount = videoID, total
	return out
}
