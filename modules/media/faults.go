package media

import (
	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// Faults about videos.
var (
	errNotFound = fault.New(fault.NotFound, "not_found",
		"Este video no existe.",
		"This video does not exist.")
	errNotOwner = fault.New(fault.Forbidden, "forbidden",
		"Este video es de otra persona.",
		"This video belongs to somebody else.")
	errNotFailed = fault.New(fault.Conflict, "not_failed",
		"Solo se puede reintentar un video cuyo procesamiento falló.",
		"Only a video whose processing failed can be retried.")
	errNotRetryable = fault.New(fault.Conflict, "not_retryable",
		"Este archivo no se puede publicar como está: corrígelo según el motivo del fallo y súbelo de nuevo.",
		"This file cannot be published as it is: correct it as the failure says and upload it again.")
	errRetriesUsedUp = fault.New(fault.Conflict, "retries_used_up",
		"Ya reintentaste este video tres veces. Sube el archivo de nuevo o escríbenos.",
		"You have retried this video three times. Upload the file again or write to us.")
	errOriginalExpired = fault.New(fault.Conflict, "original_expired",
		"El archivo de este video ya se borró porque pasó el plazo para reintentarlo. Súbelo de nuevo.",
		"The file of this video has been deleted, because the time to retry it is over. Upload it again.")
	errHasVotes = fault.New(fault.Conflict, "has_votes",
		"Este video ya tiene votos y no se puede eliminar.",
		"This video already has votes and cannot be deleted.")
)

// errLookupTime ends the search for a published file.
var errLookupTime = limit.ErrBusy.WithRetryAfter(2)

// Faults of both ways of upload.
var (
	errUnverified = fault.New(fault.Forbidden, "email_unverified",
		"Para subir videos, confirma primero tu correo: abre el enlace que te enviamos, o pide otro en tu cuenta.",
		"To upload, confirm your e-mail first: open the link that we sent, or ask for another one in your account.")
	errTooLarge = fault.New(fault.TooLarge, "too_large",
		"El archivo pesa más de lo permitido. Recórtalo o comprímelo y vuelve a subirlo.",
		"The file is larger than allowed. Trim or compress it and upload it again.")
	errTooManyUnpublished = fault.New(fault.Conflict, "too_many_unpublished",
		"Ya tienes varios videos en camino. Espera a que se publiquen, o elimina o cancela alguno.",
		"You already have several videos on their way. Wait until they are published, or delete or cancel one.")
	errDailyLimit = fault.New(fault.TooManyRequests, "daily_limit",
		"Ya subiste todos los videos que puedes subir en un día.",
		"You have uploaded as many videos as you can in one day.")
	errStorageQuota = fault.New(fault.Conflict, "storage_quota",
		"Tus archivos ocupan todo el espacio de tu cuenta. Elimina algún video o sube un archivo más pequeño.",
		"Your files occupy all the space of your account. Delete a video or upload a smaller file.")
	// errDiscarded means that a file is not, or no longer, on the list of orphans that a video may adopt.
	errDiscarded = fault.New(fault.Unavailable, "upload_discarded",
		"El archivo tardó demasiado en llegar y se descartó. Súbelo de nuevo.",
		"The file took too long to arrive and was discarded. Upload it again.")
	errNotAVideo = fault.New(fault.Malformed, codeNotAVideo,
		"El archivo no es un video MP4, MOV, 3GP, MKV o WebM: expórtalo como MP4 y súbelo de nuevo.",
		"The file is not an MP4, MOV, 3GP, MKV or WebM video: export it as MP4 and upload it again.")
)

// Faults of uploads through the service.
var (
	errMissingFile = fault.New(fault.Malformed, "missing_file",
		"Falta el archivo: envíalo en el campo video_file o file.",
		"The file is missing: send it in the field video_file or file.")
	errEmptyFile = fault.New(fault.Malformed, codeNotAVideo,
		"El archivo llegó vacío: elígelo otra vez y vuelve a subirlo.",
		"The file arrived empty: choose it again and upload it once more.")
	errSecondFile = fault.ErrInvalid.WithFields(fault.Field{
		Location: "body.file",
		Message:  fault.Text{ES: "envía un solo archivo por video", EN: "send one file per video"},
	})
	errNoMock = fault.New(fault.NotFound, "not_found",
		"No hay nada en esta dirección.",
		"There is nothing at this address.")
)

// Faults of uploads straight to storage.
var (
	errNoUpload = fault.New(fault.NotFound, "not_found",
		"Esta subida no existe o ya terminó. Empieza una nueva.",
		"This upload does not exist or has ended. Begin a new one.")
	errIncomplete = fault.New(fault.Conflict, "upload_incomplete",
		"Todavía faltan partes del archivo. Envíalas y luego termina la subida.",
		"Parts of the file are still missing. Send them, then complete the upload.")
	errTooManyUploads = fault.New(fault.Conflict, "too_many_uploads",
		"Tienes demasiadas subidas sin terminar. Termina o cancela alguna.",
		"You have too many unfinished uploads. Complete or cancel one of them.")
	errOtherType = fault.New(fault.Malformed, "other_type",
		"El archivo no es del tipo anunciado. Empieza otra subida con el tipo correcto.",
		"The file is not of the type that was announced. Begin another upload with the right type.")
	errUnknownType = fault.ErrInvalid.WithFields(fault.Field{
		Location: "body.content_type",
		Message: fault.Text{
			ES: "debe ser el de un video MP4, MOV, 3GP, MKV o WebM",
			EN: "must be that of an MP4, MOV, 3GP, MKV or WebM video",
		},
	})
)

// Faults returns the faults that this module declares, for the catalogue of errors.
func Faults() []*fault.Error {
	return []*fault.Error{
		errNotFound, errNotOwner, errNotFailed, errNotRetryable, errRetriesUsedUp, errOriginalExpired, errHasVotes,
		errUnverified, errTooLarge, errTooManyUnpublished, errDailyLimit, errStorageQuota, errDiscarded, errNotAVideo,
		errMissingFile, errEmptyFile, errNoMock, errNoUpload, errIncomplete, errTooManyUploads, errOtherType,
	}
}

// Reasons returns the codes for which videos fail, and those of what published clips lack, for the catalogue of errors.
func Reasons() []web.Reason {
	var reasons []web.Reason
	for code, text := range failureTexts {
		reasons = append(reasons, web.Reason{Field: "failure.code", Code: code, Text: text})
	}
	for notice, text := range noticeTexts {
		reasons = append(reasons, web.Reason{Field: "notices[].code", Code: string(notice), Text: text})
	}
	return reasons
}

// Failure codes that this module itself sets or treats in a special way; the others are those of ffmpeg's rejections.
const (
	codeNotAVideo       = "not_a_video"
	codeUnsupported     = "unsupported_codec"
	codeProcessingError = "processing_error"
	codeOriginalLost    = "original_lost"
)

// failureTexts tell the owner of a failed video what to do, by failure code.
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
		EN: "The video is shorter than the contest requires: upload a longer one.",
	},
	"too_long": {
		ES: "El video es más largo de lo que permite el concurso: recórtalo y súbelo de nuevo.",
		EN: "The video is longer than the contest allows: trim it and upload it again.",
	},
	"resolution_too_low": {
		ES: "La resolución del video es menor de la que pide el concurso: grábalo con más calidad y súbelo de nuevo.",
		EN: "The resolution is lower than the contest requires: record the clip in better quality and upload it again.",
	},
	codeUnsupported: {
		ES: "El video está grabado en un formato de imagen que no podemos leer: elige «Más compatible» o H.264 en " +
			"los ajustes de la cámara, o expórtalo como MP4 H.264 en tu editor, y súbelo de nuevo.",
		EN: "The video is recorded in a picture format that we cannot read: choose “Most Compatible” or H.264 in the " +
			"camera's settings, or export it as an H.264 MP4 in your editor, and upload it again.",
	},
	"unreadable": {
		ES: "El archivo está dañado, incompleto o en un formato que no podemos leer: expórtalo como MP4 H.264 y " +
			"súbelo de nuevo.",
		EN: "The file is damaged, incomplete or in a format that we cannot read: export it as an H.264 MP4 and " +
			"upload it again.",
	},
	"too_complex": {
		ES: "El video es demasiado complejo para procesarlo: expórtalo como MP4 H.264 en 1080p y súbelo de nuevo.",
		EN: "The video is too complex to process: export it as an H.264 MP4 in 1080p and upload it again.",
	},
	"start_beyond_end": {
		ES: "El punto de inicio que elegiste está después del final del video: súbelo de nuevo con uno anterior.",
		EN: "The starting point that you chose is after the end of the video: upload it again with an earlier one.",
	},
	codeOriginalLost: {
		ES: "Perdimos el archivo de este video por un fallo de nuestro lado: súbelo de nuevo, por favor.",
		EN: "We have lost the file of this video because of a fault on our side: please upload it again.",
	},
	codeProcessingError: {
		ES: "Algo falló de nuestro lado al procesar el video: reinténtalo; no hace falta subirlo otra vez.",
		EN: "Something went wrong on our side while processing the video: retry it; you need not upload it again.",
	},
}

// failureText returns the text about a failed video. If it is known which codec is not supported, the text names it.
func failureText(v Video) fault.Text {
	if v.FailureCode == codeUnsupported && v.FailureSubject != "" {
		return fault.Text{
			ES: "El video está en " + v.FailureSubject + ", un formato que no podemos leer: elige «Más compatible» o " +
				"H.264 en los ajustes de la cámara, o expórtalo como MP4 H.264 en tu editor, y súbelo de nuevo.",
			EN: "The video is in " + v.FailureSubject + ", a format that we cannot read: choose “Most Compatible” or " +
				"H.264 in the camera's settings, or export it as an H.264 MP4 in your editor, and upload it again.",
		}
	}
	return failureTexts[v.FailureCode]
}
