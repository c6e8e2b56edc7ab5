package ffmpeg

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"risingstars/assets"
	"risingstars/infra/cliptest"
	"risingstars/infra/racetest"
)

// skipIfShort leaves a test to the full run.
func skipIfShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("not among the quick tests")
	}
}

// tone is a source of sound for clips.
const tone = "sine=frequency=440:sample_rate=48000"

func TestMain(m *testing.M) {
	// These tables have hundreds of clips, and look at the pictures and the sound that ffmpeg makes of each.
	racetest.WatchAllBut(
		TestACodecThatNobodyReadsIsNamed, TestBumpersAndClipHaveTheSameHeader, TestBumpersOfABranding,
		TestBumpersThatCannotBeUsedAreRefused, TestCodecsThatContestantsDoNotUseAreRejected,
		TestCorrectionsDoNotClick, TestCostlyClipsAreRejected, TestEachPictureIsFittedAnew,
		TestEveryPosterIsAtItsBestQuality, TestEverySound, TestEverySource, TestEveryTurn,
		TestFilesThatAreNotVideosAreRejected, TestFontsAndSubtitlesAreNotTouched, TestGainDoesNotPump,
		TestHDRBecomesSDR, TestLandscapeAt60BecomesBrandedAt30, TestLateMatroskaKeepsItsLength,
		TestLongClipIsCutAtThirtySeconds, TestOddBrandsAndFirstBoxesArePlayed, TestOwnWatermarkLiesWhereItShould,
		TestPictureIsHeldToTheEndOfTheSound, TestPicturesThatChangeSize, TestPosterShowsTheSharpPart,
		TestReferencesToOtherFilesAreNotFollowed, TestRejections, TestRulesBindAFileThatStatesNoLength,
		TestSmallRenditionAndPostersAreBounded, TestSoundIsBroughtToOneLoudness, TestSoundStaysWithPicture,
		TestStartIsExactToAPicture, TestStartShowsWhatIsOnScreen, TestStreamsBesideTheClipMayHaveOtherCodecs,
		TestTheSmallRenditionFitsItsClip, TestWatermarkLiesInTheDocumentedCorner, TestWhatCanBeDecodedIsPublished,
		TestWhatIsTransparentIsBlack, TestWideColoursNeedNotBeStatedInFull,
	)
	os.Exit(cliptest.Run(m))
}

// sharedProcessor has no options of its own. Most tests use it, because a Processor is safe for concurrent use.
var sharedProcessor = sync.OnceValues(func() (*Processor, error) {
	return New(Options{CacheDir: cliptest.Bumpers(), Branding: assets.Branding()})
})

// builtIn returns the shared Processor, whose bumpers are those that contestants get.
func builtIn(t testing.TB) *Processor {
	t.Helper()
	shared, err := sharedProcessor()
	if err != nil {
		t.Fatal(err)
	}
	return shared
}

// briefBumper is the length of the bumpers in most tests. The built-in ones would take longer to decode than the clips.
const briefBumper = 200 * time.Millisecond

// brief returns a copy of p with short bumpers.
func brief(p *Processor) *Processor {
	b := *p
	b.intro.length, b.outro.length = briefBumper, briefBumper
	b.cacheKey += "-brief"
	return &b
}

// newProcessor returns a Processor with special options, or the shared one for none. Bumpers are slow to render, so all
// processors without a CacheDir of their own share short ones, and render one at a time.
func newProcessor(t testing.TB, o Options) *Processor {
	t.Helper()
	shared := builtIn(t)
	special := o.FFmpeg != "" || o.FFprobe != "" || o.CacheDir != "" || o.Limits != (Limits{})
	if !special {
		return brief(shared)
	}
	if o.Branding == nil {
		o.Branding = assets.Branding()
	}
	ownCache := o.CacheDir != ""
	o.CacheDir = or(o.CacheDir, shared.cacheDir)
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if !ownCache {
		p.filling = shared.filling
		p = brief(p)
	}
	return p
}

// lavfi is the argument list for one generated input.
func lavfi(source string) []string { return []string{"-f", "lavfi", "-i", source} }

// x264 is the argument list for a clip in H.264 that is quick to encode.
func x264(more ...string) []string {
	return append([]string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}, more...)
}

// readClip is cliptest.Make for tests that change the content.
func readClip(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(cliptest.Make(t, name, args...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func jobFor(t testing.TB, file string) Job {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := make([]byte, SniffLen)
	n, _ := f.Read(head)
	c, ok := Sniff(head[:n])
	if !ok {
		t.Fatalf("%s is not recognised as a video", file)
	}
	// Few tests look at the small rendition; the others would spend a third of their time on it.
	return Job{Input: file, Container: c, Dir: t.TempDir(), Rules: Rules{NoSmall: true}}
}
