package media

import (
	"time"

	"risingstars/platform/limit"
)

// detailsBody is the largest body with a title and a description: JSON may need 12 bytes for a character.
const detailsBody = 64 << 10

const (
	// uploadsAtOnce is how many uploads an account may have under way. A browser sends several parts of one at once.
	uploadsAtOnce = 3
	// uploadsOfProcess is how many uploads may pass through this process at once. Beside the parts that storage keeps,
	// each needs about 100 KiB of memory, and up to three parts of 5 MiB in the folder of temporary files.
	uploadsOfProcess = 200
)

// What one account and one process may use.
var (
	videoReads = limit.Budget{
		Name: "video_reads", By: limit.Account, Local: true,
		Rate: limit.Rate{Count: 600, Per: time.Minute, Burst: 600},
	}
	accountUploads = limit.Budget{Name: "uploads_account", By: limit.Account, AtOnce: uploadsAtOnce}
	processUploads = limit.Budget{Name: "uploads_process", By: limit.Process, AtOnce: uploadsOfProcess}
	videoChanges   = limit.Budget{
		Name: "video_changes", By: limit.Account, Rate: limit.Rate{Count: 60, Per: time.Minute, Burst: 120},
	}
	// accountStreams bounds the event streams of an account. The newest matters: it is where somebody looks.
	accountStreams = limit.Budget{Name: "account_streams", By: limit.Account, AtOnce: 3, Newest: true}
)

// processStreams bounds the event streams of this process, each of which occupies about 40 KB.
var processStreams = limit.Budget{Name: "process_streams", By: limit.Process, AtOnce: 1000}

// fileLookups bounds how many files this process looks for at once that are not where they were asked for. Anybody may
// ask, for any address. A look takes milliseconds, so that these are some thousand a second.
var fileLookups = limit.Budget{Name: "file_lookups", By: limit.Process, AtOnce: 32}

// UploadBudgets are what an upload through the service takes, also one from a page.
func UploadBudgets() []limit.Budget {
	return []limit.Budget{videoChanges, accountUploads, processUploads}
}

// ChangeBudgets are what a change of a video takes, also one from a page.
func ChangeBudgets() []limit.Budget { return []limit.Budget{videoChanges} }
