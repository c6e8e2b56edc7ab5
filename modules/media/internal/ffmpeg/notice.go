package ffmpeg

// Notice names what a published clip lacks of its original. Its owner is told. The names are part of the public
// contract: clients match on them.
type Notice string

// The notices.
const (
	NoticeNoSound       Notice = "sound_unreadable" // published without sound, because no track could be decoded
	NoticeSoundDamaged  Notice = "sound_damaged"    // parts of the sound could not be decoded and are silent
	NoticeChannelsLost  Notice = "channels_dropped" // only the first two of channels without known places are heard
	NoticeOneSide       Notice = "one_side"         // of a left and a right track, only one could be decoded
	NoticeAnotherTrack  Notice = "another_track"    // the file's own choice of track could not be decoded or is silent
	NoticePictureCutOff Notice = "cut_off"          // the picture could only be decoded up to some point
)
