package webhooks

import (
	"time"

	"risingstars/platform/limit"
)

// What looking after webhooks may use.
var (
	webhookReads = limit.Budget{
		Name: "webhook_reads", By: limit.Account, Local: true,
		Rate: limit.Rate{Count: 600, Per: time.Minute, Burst: 600},
	}
	webhookActs = limit.Budget{
		Name: "webhook_acts", By: limit.Account, Rate: limit.Rate{Count: 120, Per: time.Minute, Burst: 120},
	}
)

// ActBudgets are what an act takes, also one from a page.
func ActBudgets() []limit.Budget { return []limit.Budget{webhookActs} }
