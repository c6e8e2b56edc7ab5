package moderation

import (
	"slices"
	"unicode/utf8"

	"risingstars/platform/fault"
	"risingstars/platform/text"
)

// Reason is why a video is reported or hidden.
type Reason string

// The reasons.
const (
	Rights   Reason = "rights"
	Violence Reason = "violence"
	Sexual   Reason = "sexual"
	Hate     Reason = "hate"
	Privacy  Reason = "privacy"
	Spam     Reason = "spam"
	Other    Reason = "other"
)

// Reasons returns all reasons, in the order in which people choose from them.
func Reasons() []Reason { return []Reason{Rights, Violence, Sexual, Hate, Privacy, Spam, Other} }

// Text says the reason in a sentence.
func (r Reason) Text() fault.Text {
	switch r {
	case Rights:
		return fault.Text{
			ES: "Usa música, imágenes o trabajo de otra persona sin permiso.",
			EN: "It uses somebody else's music, pictures or work without permission.",
		}
	case Violence:
		return fault.Text{
			ES: "Muestra violencia o algo peligroso.", EN: "It shows violence, or something dangerous.",
		}
	case Sexual:
		return fault.Text{ES: "Tiene contenido sexual.", EN: "It has sexual content."}
	case Hate:
		return fault.Text{ES: "Insulta o amenaza a alguien.", EN: "It insults or threatens somebody."}
	case Privacy:
		return fault.Text{
			ES: "Muestra a alguien que no quiere aparecer, o a un menor sin permiso.",
			EN: "It shows somebody who does not want to appear, or a minor without permission.",
		}
	case Spam:
		return fault.Text{ES: "Es publicidad o no es del concurso.", EN: "It is advertising, or not of the contest."}
	case Other:
	}
	return fault.Text{ES: "Otro motivo.", EN: "Another reason."}
}

// mostWords is the longest text beside a reason, in characters.
const mostWords = 1000

// explain returns the words as they are kept, or a fault if they or the reason are not valid. Another reason needs
// words.
func (r Reason) explain(words string) (string, error) {
	reject := func(field, es, en string) (string, error) {
		return "", fault.ErrInvalid.WithFields(fault.Field{
			Location: "body." + field, Message: fault.Text{ES: es, EN: en},
		})
	}
	words = text.CleanLines(words)
	switch {
	case !slices.Contains(Reasons(), r):
		return reject("reason", "elige un motivo de la lista", "must be one of the list")
	case utf8.RuneCountInString(words) > mostWords:
		return reject("words", "debe tener como máximo 1000 caracteres", "must have at most 1000 characters")
	case r == Other && !text.HasLetter(words):
		return reject("words", "cuéntanos qué pasa", "say what it is")
	}
	return words, nil
}

// logged is how the log writes a reason with its words.
func (r Reason) logged(words string) string {
	if words == "" {
		return string(r)
	}
	return string(r) + ": " + text.Clean(words)
}
