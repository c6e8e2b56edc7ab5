package moderation

import (
	"time"

	"risingstars/platform/limit"
)

// What one client or account may use. A class behind one address can report within a minute.
var (
	clientReports = limit.Budget{
		Name: "client_reports", By: limit.Client, Rate: limit.Rate{Count: 10, Per: time.Minute, Burst: 60},
	}
	moderationReads = limit.Budget{
		Name: "moderation_reads", By: limit.Account, Local: true,
		Rate: limit.Rate{Count: 600, Per: time.Minute, Burst: 600},
	}
	moderationActs = limit.Budget{
		Name: "moderation_acts", By: limit.Account, Rate: limit.Rate{Count: 240, Per: time.Minute, Burst: 240},
	}
)

// ReportBudgets are what a report takes, also one from a page.
func ReportBudgets() []limit.Budget { return []limit.Budget{clientReports} }

// ActBudgets are what a moderator's act takes, also one from a page.
func ActBudgets() []limit.Budget { return []limit.Budget{moderationActs} }
