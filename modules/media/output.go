package media

import (
	"context"
	"path"
	"slices"
	"strings"

	"risingstars/modules/media/internal/ffmpeg"
)

// Output names the files of a published video. Clips of the time before have only the first two.
type Output struct {
	ProcessedKey, PosterKey    string // of 1280×720
	SmallKey                   string // the rendition for phones; "" if there is none
	SmallWidth, SmallHeight    int
	Poster640Key, Poster320Key string // smaller posters, named by their width
}

// File is one of a published video's files.
type File struct{ Name, Key string }

// Files returns those that there are, by what they are.
func (o Output) Files() []File {
	all := []File{
		{"published", o.ProcessedKey},
		{"poster", o.PosterKey},
		{"published-small", o.SmallKey},
		{"poster-640", o.Poster640Key},
		{"poster-320", o.Poster320Key},
	}
	return slices.DeleteFunc(all, func(f File) bool { return f.Key == "" })
}

// keys returns the keys of all files.
func (o Output) keys() (keys []string) {
	for _, f := range o.Files() {
		keys = append(keys, f.Key)
	}
	return keys
}

// The ends of the keys of smaller files, before the extension. Current reads them.
const (
	smallEnd     = "-small"
	poster640End = "-640"
	poster320End = "-320"
)

// storedFile is a file of a result and where it is stored.
type storedFile struct{ key, path string }

// outputOf names the files of a result. Their keys begin with name.
func outputOf(name string, r ffmpeg.Result) (o Output, files []storedFile) {
	add := func(key *string, end, file string) {
		if file != "" {
			*key = name + end + path.Ext(file)
			files = append(files, storedFile{*key, file})
		}
	}
	add(&o.ProcessedKey, "", r.Video)
	add(&o.PosterKey, "", r.Poster)
	add(&o.SmallKey, smallEnd, r.Small.File)
	add(&o.Poster640Key, poster640End, r.Posters[1].File)
	add(&o.Poster320Key, poster320End, r.Posters[2].File)
	o.SmallWidth, o.SmallHeight = r.Small.Width, r.Small.Height
	return o, files
}

// Current returns the key of the file that has taken the place of the published file at key: key itself, unless the
// video has been processed again since. So addresses that caches, share cards and people have kept lead to what is
// shown today. The error is errNotFound if key names no published file, or that of a video that is shown no longer.
func (m *Module) Current(ctx context.Context, key string) (string, error) {
	id := videoOf(key)
	if id == "" || !strings.HasPrefix(key, m.o.ProcessedPrefix+"/") {
		return "", errNotFound
	}
	outputs, err := m.store.outputs(ctx, []string{id})
	if err != nil {
		return "", err
	}
	hidden, err := m.moderation.Hidden(ctx, []string{id})
	if err != nil {
		return "", err
	}
	o, shown := outputs[id]
	if !shown || hidden[id] {
		return "", errNotFound
	}
	if current := o.like(key); current != "" {
		return current, nil
	}
	return "", errNotFound
}

// like returns the file of the same sort as key, or the largest of its sort, or "".
func (o Output) like(key string) string {
	ext := path.Ext(key)
	for _, sort := range []struct{ end, current string }{
		{smallEnd, o.SmallKey},
		{poster640End, o.Poster640Key},
		{poster320End, o.Poster320Key},
		{"", o.ProcessedKey},
		{"", o.PosterKey},
	} {
		if path.Ext(sort.current) == ext && strings.HasSuffix(key, sort.end+ext) {
			return sort.current
		}
	}
	return ""
}
