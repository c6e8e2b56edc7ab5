package voting

import (
	"time"

	"risingstars/platform/limit"
)

// readTimeout is how long a public read may take.
const readTimeout = 2 * time.Second

// What one client or account may use. A concert hall behind one address can vote within a minute.
var (
	publicReads = limit.Budget{
		Name: "public_reads", By: limit.Client, Local: true,
		Rate: limit.Rate{Count: 6000, Per: time.Minute, Burst: 6000},
	}
	clientSearches = limit.Budget{Name: "client_searches", By: limit.Client, Local: true, AtOnce: 4}
	votes          = limit.Budget{
		Name: "votes", By: limit.Account, Rate: limit.Rate{Count: 60, Per: time.Minute, Burst: 60},
	}
	clientVotes = limit.Budget{
		Name: "client_votes", By: limit.Client, Rate: limit.Rate{Count: 600, Per: time.Minute, Burst: 3000},
	}
)

// exportTime is how long an export may take.
const exportTime = 10 * time.Minute

// An export holds a connection to the database for as long as its client takes.
var (
	exports = limit.Budget{
		Name: "exports", By: limit.Account, Rate: limit.Rate{Count: 12, Per: time.Minute, Burst: 12},
	}
	processExports = limit.Budget{Name: "process_exports", By: limit.Process, AtOnce: 2}
)

// BallotBudgets are what a vote takes, also one from a page.
func BallotBudgets() []limit.Budget { return []limit.Budget{votes, clientVotes} }

// SearchBudget is what a search in the gallery takes, also one from a page.
func SearchBudget() limit.Budget { return clientSearches }
