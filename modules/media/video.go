package media

import (
	"time"

	"risingstars/platform/fault"
)

// Video is an upload and what became of it.
type Video struct {
	ID          string
	OwnerID     string
	Title       string
	Description string
	Status      Status
	Stage       string // of the work under way: queued, probing, processing, publishing
	Progress    int    // percent
	Attempt     int    // the number of the latest claim

	OriginalKey  string
	ProcessedKey string
	PosterKey    string
	Start        time.Duration // where the published part begins in the original
	Duration     time.Duration // of the rendition, bumpers included
	FailureCode  string

	UploadedAt  time.Time
	ProcessedAt time.Time // zero until then
}

// The faults of the module's operations.
var (
	errNotFound = fault.New(fault.NotFound, "not_found",
		"Este video no existe.",
		"This video does not exist.")
	errNotOwner = fault.New(fault.Forbidden, "forbidden",
		"Este video es de otra persona.",
		"This video belongs to somebody else.")
	errNotFailed = fault.New(fault.Conflict, "not_failed",
		"Solo se puede reintentar un video cuyo procesamiento falló.",
		"Only a video whose processing failed can be tried again.")
	errHasVotes = fault.New(fault.Conflict, "has_votes",
		"Este video ya tiene votos y no se puede eliminar.",
		"This video has votes already and cannot be deleted.")
	errTooLarge = fault.New(fault.TooLarge, "too_large",
		"El archivo pesa más de lo permitido. Recórtalo o comprímelo y vuelve a subirlo.",
		"The file is larger than allowed. Trim or compress it and upload it again.")
	errMissingFile = fault.New(fault.Malformed, "missing_file",
		"Falta el archivo: envíalo en el campo video_file o file.",
		"The file is missing: send it in the field video_file or file.")
	errNotAVideo = fault.New(fault.Malformed, codeNotAVideo,
		"El archivo no es un video MP4, MOV, 3GP, MKV o WebM.",
		"The file is not an MP4, MOV, 3GP, MKV or WebM video.")
)

// Codes of failures that this module itself gives; the others are ffmpeg's.
const (
	codeNotAVideo       = "not_a_video"
	codeProcessingError = "processing_error"
)

// failureTexts say what the owner of a failed video should do.
var failureTexts = map[string]fault.Text{
	codeNotAVideo: {
		ES: "El archivo no es un video que podamos leer: expórtalo como MP4 y súbelo de nuevo.",
		EN: "The file is not a video that we can read: export it as MP4 and upload it again.",
	},
	"no_video_stream": {
		ES: "El archivo no tiene imagen, solo sonido: sube un video con imagen.",
		EN: "The file has no picture, only sound: upload a video with a picture.",
	},
	"too_short": {
		ES: "El video es más corto de lo que pide el concurso: sube uno más largo.",
		EN: "The video is shorter than the contest asks for: upload a longer one.",
	},
	"too_long": {
		ES: "El video es más largo de lo que permite el concurso: recórtalo y súbelo de nuevo.",
		EN: "The video is longer than the contest allows: trim it and upload it again.",
	},
	"resolution_too_low": {
		ES: "La resolución del video es menor de la que pide el concurso: grábalo con más calidad y súbelo de nuevo.",
		EN: "The resolution of the video is lower than the contest asks for: record it in a higher quality and upload it again.",
	},
	"unreadable": {
		ES: "El archivo está dañado o incompleto: expórtalo y súbelo de nuevo.",
		EN: "The file is damaged or incomplete: export it and upload it again.",
	},
	"too_complex": {
		ES: "El video pide más de lo que podemos procesar: expórtalo como MP4 H.264 en 1080p y súbelo de nuevo.",
		EN: "The video asks for more than we can process: export it as an H.264 MP4 in 1080p and upload it again.",
	},
	"start_beyond_end": {
		ES: "El punto de inicio que elegiste está después del final del video: súbelo de nuevo con uno anterior.",
		EN: "The starting point that you chose lies after the end of the video: upload it again with an earlier one.",
	},
	codeProcessingError: {
		ES: "Algo falló de nuestro lado al procesar el video: reinténtalo, no hace falta subirlo otra vez.",
		EN: "Something went wrong on our side while processing the video: try again, there is no need to upload it anew.",
	},
}
