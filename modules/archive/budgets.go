package archive

import (
	"time"

	"risingstars/platform/limit"
)

// What one account may ask for. A copy costs as much storage as the videos of an account.
var (
	copyRequests = limit.Budget{
		Name: "copy_requests", By: limit.Account, Rate: limit.Rate{Count: 4, Per: 24 * time.Hour, Burst: 4},
	}
	copyReads = limit.Budget{
		Name: "copy_reads", By: limit.Account, Local: true,
		Rate: limit.Rate{Count: 300, Per: time.Minute, Burst: 300},
	}
)

// RequestBudgets are what asking for a copy takes, also from a page.
func RequestBudgets() []limit.Budget { return []limit.Budget{copyRequests} }
