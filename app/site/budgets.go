package site

import (
	"time"

	"risingstars/platform/limit"
)

// pageTime is how long a page may take.
const pageTime = 2 * time.Second

// pageViews bounds the pages that one client gets. A concert hall may sit behind one address.
var pageViews = limit.Budget{
	Name: "page_views", By: limit.Client, Local: true, Rate: limit.Rate{Count: 6000, Per: time.Minute, Burst: 6000},
}
