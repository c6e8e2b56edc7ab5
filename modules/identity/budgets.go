package identity

import (
	"time"

	"risingstars/platform/limit"
)

// What one client or account may use. A school behind one address can sign up within a few minutes.
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
	refreshes = limit.Budget{
		Name: "refreshes", By: limit.Client, Rate: limit.Rate{Count: 300, Per: time.Minute, Burst: 1200},
	}
	sessionChanges = limit.Budget{
		Name: "session_changes", By: limit.Account, Rate: limit.Rate{Count: 60, Per: time.Minute, Burst: 120},
	}
)

// What links and letters may use. Nobody is mailed at will: an account and an address get a few letters at once, and
// then one every few hours, whoever asks for them.
var (
	linkUses = limit.Budget{
		Name: "link_uses", By: limit.Client, Rate: limit.Rate{Count: 60, Per: time.Minute, Burst: 300},
	}
	forgets = limit.Budget{
		Name: "forgets", By: limit.Client, Rate: limit.Rate{Count: 30, Per: time.Minute, Burst: 100},
	}
	accountChanges = limit.Budget{
		Name: "account_changes", By: limit.Account, Rate: limit.Rate{Count: 10, Per: time.Minute, Burst: 30},
	}
	accountLetters = limit.Budget{
		Name: "account_letters", By: limit.Account, Rate: limit.Rate{Count: 12, Per: 24 * time.Hour, Burst: 6},
	}
	forgotLetters = limit.Budget{
		Name: "forgot_letters", By: limit.Account, Rate: limit.Rate{Count: 8, Per: 24 * time.Hour, Burst: 4},
	}
	signUpLetters = limit.Budget{
		Name: "signup_letters", By: limit.Account, Rate: limit.Rate{Count: 8, Per: 24 * time.Hour, Burst: 4},
	}
	addressLetters = limit.Budget{
		Name: "address_letters", By: limit.Account, Rate: limit.Rate{Count: 8, Per: 24 * time.Hour, Burst: 4},
	}
)

// What guesses of an account's password may use. From one network an account allows five, then one a minute; whoever
// goes on meets the slower rates. All networks together are slowed down beyond a hundred an hour.
var (
	guesses = limit.Budget{
		Name: "guesses", By: limit.Account, Rate: limit.Rate{Count: 1, Per: time.Minute, Burst: 5},
	}
	moreGuesses = limit.Budget{
		Name: "more_guesses", By: limit.Account, Rate: limit.Rate{Count: 1, Per: 5 * time.Minute, Burst: 15},
	}
	mostGuesses = limit.Budget{
		Name: "most_guesses", By: limit.Account, Rate: limit.Rate{Count: 1, Per: 30 * time.Minute, Burst: 30},
	}
	accountGuesses = limit.Budget{
		Name: "account_guesses", By: limit.Account, Rate: limit.Rate{Count: 100, Per: time.Hour, Burst: 100},
	}
	codeGuesses = limit.Budget{
		Name: "code_guesses", By: limit.Account, Rate: limit.Rate{Count: 1, Per: time.Minute, Burst: 5},
	}
	moreCodeGuesses = limit.Budget{
		Name: "more_code_guesses", By: limit.Account, Rate: limit.Rate{Count: 1, Per: 30 * time.Minute, Burst: 20},
	}
	deviceGuesses = limit.Budget{
		Name: "device_guesses", By: limit.Account, Rate: limit.Rate{Count: 1, Per: time.Minute, Burst: 10},
	}
	slowGuesses = limit.Budget{Name: "slow_guesses", By: limit.Process, AtOnce: 200}
)

// What looking after the site may use.
var (
	adminReads = limit.Budget{
		Name: "admin_reads", By: limit.Account, Local: true,
		Rate: limit.Rate{Count: 600, Per: time.Minute, Burst: 600},
	}
	adminActs = limit.Budget{
		Name: "admin_acts", By: limit.Account, Rate: limit.Rate{Count: 120, Per: time.Minute, Burst: 120},
	}
)

// AdminReadBudgets are what a look at the site's affairs takes, also one from a page.
func AdminReadBudgets() []limit.Budget { return []limit.Budget{adminReads} }

// AdminActBudgets are what an act by a role takes, also one from a page.
func AdminActBudgets() []limit.Budget { return []limit.Budget{adminActs} }

// SignUpBudgets are what a sign-up takes, also one from a page.
func SignUpBudgets() []limit.Budget { return []limit.Budget{signUps} }

// SignInBudgets are what a sign-in takes, also one from a page.
func SignInBudgets() []limit.Budget { return []limit.Budget{signIns} }

// SessionBudgets are what ending sessions takes, also from a page.
func SessionBudgets() []limit.Budget { return []limit.Budget{sessionChanges} }

// LinkBudgets are what the use of a letter's link takes, also from a page.
func LinkBudgets() []limit.Budget { return []limit.Budget{linkUses} }

// ForgetBudgets are what the request for a new password takes, also from a page.
func ForgetBudgets() []limit.Budget { return []limit.Budget{forgets} }

// AccountBudgets are what a change of the caller's account takes, also from a page.
func AccountBudgets() []limit.Budget { return []limit.Budget{accountChanges} }

// slowness is how long the answer to a guess beyond accountGuesses takes.
const slowness = 3 * time.Second
