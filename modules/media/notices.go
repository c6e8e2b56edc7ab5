package media

import (
	"strings"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/fault"
)

// Notice names what a published clip lacks of its original.
type Notice = ffmpeg.Notice

// noticeTexts tell the owner of a published video what it lacks and what to do about it.
var noticeTexts = map[Notice]fault.Text{
	ffmpeg.NoticeNoSound: {
		ES: "El video se publicó sin sonido, porque no pudimos leer el del archivo: si debe oírse, elimina el video, " +
			"expórtalo como MP4 con sonido AAC y súbelo de nuevo.",
		EN: "The video was published without sound, because we could not read that of the file: if it should be " +
			"heard, delete the video, export it as an MP4 with AAC sound and upload it again.",
	},
	ffmpeg.NoticeSoundDamaged: {
		ES: "Partes del sonido están dañadas en el archivo y quedaron en silencio: escucha el video y, si falta " +
			"algo, elimínalo, expórtalo de nuevo y vuelve a subirlo.",
		EN: "Parts of the sound are damaged in the file and are silent now: listen to the video and, if something is " +
			"missing, delete it, export it again and upload it again.",
	},
	ffmpeg.NoticeChannelsLost: {
		ES: "El archivo no dice dónde suenan sus canales, así que solo se oyen los dos primeros: si falta algo, " +
			"elimina el video, expórtalo con sonido estéreo y súbelo de nuevo.",
		EN: "The file does not say where its channels are heard, so only the first two are: if something is missing, " +
			"delete the video, export it with stereo sound and upload it again.",
	},
	ffmpeg.NoticeOneSide: {
		ES: "El archivo trae el lado izquierdo y el derecho en dos pistas de sonido y solo una se puede leer, así " +
			"que suena en los dos lados: si falta algo, elimina el video, expórtalo con sonido estéreo y súbelo de " +
			"nuevo.",
		EN: "The file has the left and the right side in two sound tracks and only one of them can be read, so it is " +
			"heard on both sides: if something is missing, delete the video, export it with stereo sound and upload " +
			"it again.",
	},
	ffmpeg.NoticeAnotherTrack: {
		ES: "La pista de sonido principal del archivo no se puede leer o está en silencio, así que se oye otra: si " +
			"no es la correcta, elimina el video, expórtalo con una sola pista y súbelo de nuevo.",
		EN: "The main sound track of the file cannot be read or is silent, so another one is heard: if it is the " +
			"wrong one, delete the video, export it with a single track and upload it again.",
	},
	ffmpeg.NoticePictureCutOff: {
		ES: "El archivo está incompleto o dañado, así que el video termina antes de tiempo: si falta algo, " +
			"elimínalo, copia el original completo desde la cámara o el teléfono y súbelo de nuevo.",
		EN: "The file is incomplete or damaged, so the video ends early: if something is missing, delete it, copy " +
			"the whole original from the camera or phone and upload it again.",
	},
}

// NoticeText returns what an owner is told about a notice.
func NoticeText(n Notice) fault.Text { return noticeTexts[n] }

// joinNotices returns notices as a row has them.
func joinNotices(notices []Notice) string {
	names := make([]string, len(notices))
	for i, n := range notices {
		names[i] = string(n)
	}
	return strings.Join(names, " ")
}

// splitNotices is the inverse of joinNotices.
func splitNotices(names string) (notices []Notice) {
	for name := range strings.FieldsSeq(names) {
		notices = append(notices, Notice(name))
	}
	return notices
}
