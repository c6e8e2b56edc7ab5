package site_test

import (
	"os"
	"testing"

	"risingstars/infra/racetest"
)

func TestMain(m *testing.M) {
	// These wait for a browser; what it asks for, the others ask for, too.
	racetest.WatchAllBut(
		TestACancelledUploadLeavesTheNextAlone, TestAClipIsLookedAtBeforeItIsSent, TestAClipIsTrimmedAndSentByKeys,
		TestAContestantNeedsNoScripts, TestACutLineIsOutlived, TestAPartThatStallsIsSentAgain, TestAVisitCostsLittle,
		TestAVoterNeedsNoScripts, TestAVoterNeedsOnlyKeys, TestAnAnswerThatIsCutIsAskedForAgain,
		TestAnUploadHasAWayOn, TestAnUploadSurvivesCutsAndAReload, TestPagesAreForEverybody, TestScriptsHaveTypes,
		TestScriptsSayWhatHappened, TestStylesAndScriptsAreSmall, TestTheStepsOfAnUploadAreForEverybody,
		TestTroubleIsSaidInWords,
	)
	os.Exit(m.Run())
}
