package identity

import (
	"strings"

	"risingstars/platform/fault"
)

// Cause is why an account is suspended, of a list.
type Cause string

// The causes.
const (
	CauseVotes    Cause = "votes"
	CauseVideos   Cause = "videos"
	CauseAbuse    Cause = "abuse"
	CausePretence Cause = "pretence"
	CauseSafety   Cause = "safety"
	CauseOther    Cause = "other"
)

// Causes returns all causes, in the order in which people choose from them.
func Causes() []Cause {
	return []Cause{CauseVotes, CauseVideos, CauseAbuse, CausePretence, CauseSafety, CauseOther}
}

// Text says the cause in a sentence.
func (c Cause) Text() fault.Text {
	switch c {
	case CauseVotes:
		return fault.Text{
			ES: "Los votos de esta cuenta no cumplen las bases.", EN: "The votes of this account break the rules.",
		}
	case CauseVideos:
		return fault.Text{
			ES: "Los videos de esta cuenta no cumplen las bases.", EN: "The videos of this account break the rules.",
		}
	case CauseAbuse:
		return fault.Text{
			ES: "Desde esta cuenta se insulta o amenaza a alguien.",
			EN: "Somebody is insulted or threatened from this account.",
		}
	case CausePretence:
		return fault.Text{
			ES: "Esta cuenta se hace pasar por otra persona.", EN: "This account pretends to be somebody else.",
		}
	case CauseSafety:
		return fault.Text{
			ES: "Puede que otra persona esté usando esta cuenta.", EN: "Somebody else may be using this account.",
		}
	case CauseOther:
	}
	return fault.Text{ES: "Otro motivo.", EN: "Another reason."}
}

// because writes a cause with its words as the log has it: "votes: Bought by the dozen". Without a cause, it is the
// words alone.
func because(c Cause, words string) string {
	switch {
	case c == "":
		return words
	case words == "":
		return string(c)
	}
	return string(c) + ": " + words
}

// kept writes them as the row has them. Words have no line breaks, so nobody types what looks like it.
func kept(c Cause, words string) string {
	if c == "" {
		return words
	}
	return string(c) + "\n" + words
}

func parseKept(reason string) (Cause, string) {
	if code, words, found := strings.Cut(reason, "\n"); found {
		return Cause(code), words
	}
	return "", reason
}

// saying returns the sentence of a cause, if there is one, and the words.
func saying(c Cause, words string) fault.Text {
	if c == "" || c == CauseOther && words != "" {
		return fault.Text{ES: words, EN: words}
	}
	t := c.Text()
	return fault.Text{ES: strings.TrimSpace(t.ES + " " + words), EN: strings.TrimSpace(t.EN + " " + words)}
}
