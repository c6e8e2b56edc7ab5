package ffmpeg

import (
	"fmt"
	"strconv"

	fg "github.com/u2takey/ffmpeg-go"
)

// build turns a graph of outputs into an argument list. ffmpeg-go panics on an invalid graph, which must not end the
// worker.
func build(outputs ...*fg.Stream) (args []string, err error) {
	defer func() {
		if r := recover(); r != nil {
			args, err = nil, fmt.Errorf("build ffmpeg arguments: %v", r)
		}
	}()
	s := outputs[0]
	if len(outputs) > 1 {
		s = fg.MergeOutputs(outputs...)
	}
	return append([]string{
		"-nostdin", "-hide_banner", "-v", "error", "-y", "-progress", "pipe:1", "-nostats", "-stats_period", "0.25",
		// A file is judged by what came out of it, not by the share of its packets that are broken.
		"-max_error_rate", "1",
		// Slicing a 720p picture between threads costs more than it saves.
		"-filter_threads", "1", "-filter_complex_threads", "1",
	}, s.GetArgs()...), nil
}

// localInput opens a file, and no other that the file may name by another protocol.
func localInput(path string, more fg.KwArgs) *fg.Stream {
	return fg.Input(path, fg.KwArgs{"protocol_whitelist": "file"}, more)
}

// filter adds one filter to s. kv are its options: name, value, name, value ….
func filter(s *fg.Stream, name string, kv ...any) *fg.Stream {
	args := fg.KwArgs{}
	for i := 0; i+1 < len(kv); i += 2 {
		args[fmt.Sprint(kv[i])] = kv[i+1]
	}
	return s.Filter(name, nil, args)
}

func seconds(d float64) string { return strconv.FormatFloat(d, 'f', 6, 64) }
