package voting

import "context"

// Output names the files that an entry shows. Clips of the time before have only the first two.
type Output struct {
	ProcessedKey, PosterKey    string // of 1280×720
	SmallKey                   string // the rendition for phones; "" if there is none
	SmallWidth, SmallHeight    int
	Poster640Key, Poster320Key string // smaller posters, named by their width
}

// Miscount is a counter that differs from the rows that it counts.
type Miscount struct {
	Counter string // such as "votes of entry", "entries of contestant" or "contestants of place"
	ID      string // of the video or the contestant, or the folded names of the place
	Counted int64
	Present int64 // rows
}

// EachPublished calls each with the ids of all entries, also the hidden ones, in batches. It stops at the first error
// of each and returns it.
func (m *Module) EachPublished(ctx context.Context, each func(videoIDs []string) error) error {
	if err := m.store.eachEntry(ctx, each); err != nil {
		return err
	}
	return m.store.eachID(ctx, "voting_hidden_entries", "video_id", each)
}

// Outputs returns the files of those videos that are published, also of the hidden ones.
func (m *Module) Outputs(ctx context.Context, videoIDs []string) (map[string]Output, error) {
	return m.store.outputs(ctx, videoIDs)
}

// CheckCounters calls each for every counter that differs from its rows. It changes nothing and may run while people
// vote: every transaction keeps both equal. It stops at the first error of each and returns it.
func (m *Module) CheckCounters(ctx context.Context, each func(Miscount) error) error {
	report := func(wrong []Miscount, err error) error {
		for _, counter := range wrong {
			if err == nil {
				err = each(counter)
			}
		}
		return err
	}
	err := m.store.eachEntry(ctx, func(ids []string) error { return report(m.store.miscountedEntries(ctx, ids)) })
	if err != nil {
		return err
	}
	err = m.store.eachContestant(ctx, func(ids []string) error {
		return report(m.store.miscountedContestants(ctx, ids))
	})
	if err != nil {
		return err
	}
	if err := report(m.store.miscountedProfiles(ctx)); err != nil {
		return err
	}
	return report(m.store.miscountedPlaces(ctx))
}
