package voting

import "risingstars/platform/fault"

var (
	errNoEntry = fault.New(fault.NotFound, "not_found",
		"Este video no existe o no está publicado.",
		"This video does not exist or is not published.")
	errWithdrawn = fault.New(fault.Gone, "withdrawn",
		"Este video ya no se muestra.",
		"This video is no longer shown.")
	errNoPerformer = fault.New(fault.NotFound, "not_found",
		"Esta persona no existe o no tiene videos publicados.",
		"This person does not exist or has no published videos.")
	errPerformerGone = fault.New(fault.Gone, "withdrawn",
		"Esta persona ya no muestra videos.",
		"This person no longer shows videos.")
	errTooManyWords = fault.ErrInvalid.WithFields(fault.Field{
		Location: "query.q",
		Message:  fault.Text{ES: "busca como máximo 5 palabras", EN: "must have at most 5 words"},
	})
	errShortWords = fault.ErrInvalid.WithFields(fault.Field{
		Location: "query.q",
		Message: fault.Text{
			ES: "escribe al menos una palabra de dos letras o más",
			EN: "must have a word of two letters or more",
		},
	})
	errBadCursor = fault.ErrInvalid.WithFields(fault.Field{
		Location: "query.after",
		Message: fault.Text{
			ES: "usa el valor que dio la página anterior de esta lista",
			EN: "must be what the page before of this list gave",
		},
	})
	errAlreadyVoted = fault.New(fault.Conflict, "already_voted",
		"Ya votaste por este video.",
		"You have already voted for this video.")
	errNotVoted = fault.New(fault.Conflict, "not_voted",
		"No has votado por este video.",
		"You have not voted for this video.")
	errUnverified = fault.New(fault.Forbidden, "email_unverified",
		"Para votar, confirma primero tu correo: abre el enlace que te enviamos, o pide otro en tu cuenta.",
		"To vote, confirm your e-mail first: open the link that we sent, or ask for another one in your account.")
	errNoTable = fault.New(fault.NotFound, "not_found",
		"Esta tabla no existe. Hay entries, votes y ranking.",
		"This table does not exist. There are entries, votes and ranking.")
	errSelfVote = fault.New(fault.Conflict, "self_vote",
		"No puedes votar por tu propio video.",
		"You cannot vote for your own video.")
)

// EntryFault returns the fault for a video that is not published, for the document of the API.
func EntryFault() *fault.Error { return errNoEntry }

// HiddenFault returns the fault for a video that is hidden, for the document of the API.
func HiddenFault() *fault.Error { return errWithdrawn }

// Faults returns the faults that this module declares, for the catalogue of errors.
func Faults() []*fault.Error {
	return []*fault.Error{
		errNoEntry, errWithdrawn, errNoPerformer, errPerformerGone, errAlreadyVoted, errNotVoted, errUnverified,
		errSelfVote, errNoTable,
	}
}
