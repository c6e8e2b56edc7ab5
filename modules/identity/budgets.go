package identity

import (
	"time"

	"risingstars/platform/limit"
)

// What one client or account may use. A school behind one address can sign up within a few minutes, but guessing the
// passwords of an account is slow.
var (
	signUps = limit.Budget{
		Name: "signups", By: limit.Client, Rate: limit.Rate{Count: 60, Per: time.Minute, Burst: 600},
	}
	signIns = limit.Budget{
		Name: "signins", By: limit.Client, Rate: limit.Rate{Count: 120, Per: time.Minute, Burst: 1200},
	}
	accountReads = limit.Budget{
		Name: "account_reads", By: limit.Account, Local: true,
		Rate: limit.Rate{Count: 300, Per: time.Minute, Burst: 300},
	}
	accountSignIns = limit.Budget{
		Name: "account_signins", By: limit.Account, Rate: limit.Rate{Count: 10, Per: time.Minute, Burst: 20},
	}
)
