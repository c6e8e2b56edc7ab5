package voting

import "time"

// Entry is a published video as the public sees it.
type Entry struct {
	VideoID     string
	UserID      string
	PlayerName  string
	City        string
	Country     string
	Title       string
	Description string
	Output
	Duration     time.Duration
	UploadedAt   time.Time
	Votes        int
	FilesMissing bool // and have to be made again
}

// Filter narrows a list down; blank fields match everything. City and Country are compared by their folds. Search looks
// for all of its words in title, player name and city; searchWords says how.
type Filter struct {
	City    string
	Country string
	Search  string
}
