package site

import (
	"encoding/json"
	"strings"
)

// uploadWords are the ids of the texts that the scripts of the upload page say. Those know them by what follows
// uploadSay.
var uploadWords = []string{
	"upload.say.again", "upload.say.anyway", "upload.say.arrived", "upload.say.bad", "upload.say.begun",
	"upload.say.busy", "upload.say.canceled", "upload.say.drop", "upload.say.dropall", "upload.say.empty",
	"upload.say.fine", "upload.say.found", "upload.say.gone", "upload.say.height", "upload.say.height.bad",
	"upload.say.here", "upload.say.left.hours", "upload.say.left.less", "upload.say.left.minutes",
	"upload.say.left.one", "upload.say.length", "upload.say.length.long", "upload.say.length.short",
	"upload.say.listen", "upload.say.look", "upload.say.offline", "upload.say.old", "upload.say.other",
	"upload.say.otherfile", "upload.say.part", "upload.say.paused", "upload.say.same", "upload.say.saving",
	"upload.say.sent", "upload.say.size", "upload.say.size.bad", "upload.say.start", "upload.say.stop",
	"upload.say.tabs", "upload.say.unread", "upload.say.unseen", "upload.say.waiting", "upload.say.whole",
}

const uploadSay = "upload.say."

// uploadHolders are the placeholders in them, which the scripts fill.
var uploadHolders = []any{
	"All", "{all}", "From", "{from}", "Hours", "{hours}", "Least", "{least}", "Length", "{length}", "Minutes",
	"{minutes}", "Most", "{most}", "Name", "{name}", "Percent", "{percent}", "Pixels", "{pixels}", "Sent", "{sent}",
	"Size", "{size}", "To", "{to}",
}

// wordsOf returns the texts by the names that the scripts know, as JSON.
func (r *renderer) wordsOf(language string) (json.RawMessage, error) {
	words := make(map[string]string, len(uploadWords))
	for _, id := range uploadWords {
		text, err := r.texts.In(language).Say(id, uploadHolders...)
		if err != nil {
			return nil, err
		}
		words[strings.TrimPrefix(id, uploadSay)] = text
	}
	return json.Marshal(words)
}

// wordsNow returns them as they are at this moment. If they cannot be read, the page itself says why.
func (r *renderer) wordsNow(language string) json.RawMessage {
	if fresh, err := r.now(); err == nil {
		r = fresh
	}
	return r.words[language]
}
