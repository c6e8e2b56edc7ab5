package ffmpeg

import "time"

// Limits cap what one clip may cost. A zero field has its default.
type Limits struct {
	Base time.Duration // wall time and CPU time that any run may use; default 1 min
	Wall time.Duration // wall time in addition, per second of clip; default 8 s
	CPU  time.Duration // CPU time in addition, per second of clip; default 12 s

	Memory      int64 // address space of one run in bytes; default 6 GiB, twice what an 8K HEVC clip needs
	OutputBytes int64 // of each file written for a clip of up to 30 s, in proportion for longer; default 256 MiB

	Pixels         int           // of one source picture; default 36 million, which admits 8192×4320
	PixelRate      float64       // source pixels per second; default 2.2e9, which admits 8K at 60
	FrameRate      float64       // of the source, per second; default 480
	Streams        int           // in the source; default 64
	SourceDuration time.Duration // default 6 h
}

// probeTime limits the wall time and the CPU time of an ffprobe run, and the wall time of a question to ffmpeg.
const probeTime = 30 * time.Second

func (l Limits) withDefaults() Limits {
	def := Limits{
		Base: time.Minute, Wall: 8 * time.Second, CPU: 12 * time.Second,
		Memory: 6 << 30, OutputBytes: 256 << 20,
		Pixels: 36_000_000, PixelRate: 2.2e9, FrameRate: 480, Streams: 64, SourceDuration: 6 * time.Hour,
	}
	return Limits{
		Base: or(l.Base, def.Base), Wall: or(l.Wall, def.Wall), CPU: or(l.CPU, def.CPU),
		Memory: or(l.Memory, def.Memory), OutputBytes: or(l.OutputBytes, def.OutputBytes),
		Pixels: or(l.Pixels, def.Pixels), PixelRate: or(l.PixelRate, def.PixelRate),
		FrameRate: or(l.FrameRate, def.FrameRate),
		Streams:   or(l.Streams, def.Streams), SourceDuration: or(l.SourceDuration, def.SourceDuration),
	}
}

// budget is what one run may use.
type budget struct {
	wall, cpu           time.Duration
	memory, outputBytes int64
}

func (l Limits) forProbe() budget {
	// ffprobe reports a picture that does not fit into this memory from its header; it is then rejected for its size.
	const probeMemory = 2 << 30
	return budget{wall: probeTime, cpu: probeTime, memory: min(l.Memory, probeMemory), outputBytes: 1 << 20}
}

func (l Limits) forClip(clip time.Duration) budget {
	s := clip.Seconds()
	return budget{
		wall:   l.Base + time.Duration(s*float64(l.Wall)),
		cpu:    l.Base + time.Duration(s*float64(l.CPU)),
		memory: l.Memory, outputBytes: int64(float64(l.OutputBytes) * max(1, s/defaultMaxClip.Seconds())),
	}
}

// forOurOwn is the budget of runs on files that we made; it does not depend on what clips are allowed to cost.
func forOurOwn() budget { return Limits{}.withDefaults().forClip(defaultMaxClip) }
