package media

import (
	"time"

	"risingstars/platform/limit"
)

// detailsBody is the largest body with a title and a description: JSON may need 12 bytes for a character.
const detailsBody = 64 << 10

// What one account may use.
var (
	videoReads = limit.Budget{
		Name: "video_reads", By: limit.Account, Local: true,
		Rate: limit.Rate{Count: 600, Per: time.Minute, Burst: 600},
	}
	videoChanges = limit.Budget{
		Name: "video_changes", By: limit.Account, Rate: limit.Rate{Count: 60, Per: time.Minute, Burst: 120},
	}
)
