package voting

import (
	"context"
	"fmt"

	"risingstars/platform/text"
)

// changeContestant waits for whoever shows or hides an entry of the person. It locks entries before the contestant, as
// a publication does, and those in the order of their ids.
func (s *store) changeContestant(ctx context.Context, c Contestant) error {
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.lockOwner(ctx, c.UserID); err != nil {
			return err
		}
		var entries []struct{ VideoID, Title, CityFolded, CountryFolded string }
		err := s.db.Query(ctx, &entries, `
			SELECT video_id, title, city_folded, country_folded FROM voting_entries WHERE user_id = ?
			ORDER BY video_id`, c.UserID)
		if err != nil {
			return err
		}
		city, country, moved := text.Fold(c.City), foldCountry(c.Country), false
		for _, e := range entries {
			moved = moved || e.CityFolded != city || e.CountryFolded != country
			_, err := s.db.Exec(ctx, `
				UPDATE voting_entries SET player_name = ?, city = ?, city_folded = ?, country = ?, country_folded = ?,
					search_text = ?, fold_version = ?
				WHERE video_id = ?`,
				c.PlayerName, c.City, city, c.Country, country, searchText(e.Title, c.PlayerName, c.City),
				foldVersion, e.VideoID)
			if err != nil {
				return err
			}
		}
		if moved {
			if err := s.noteChange(ctx); err != nil {
				return err
			}
		}
		_, err = s.db.Exec(ctx, `
			UPDATE voting_hidden_entries SET player_name = ?, city = ?, country = ? WHERE user_id = ?`,
			c.PlayerName, c.City, c.Country, c.UserID)
		if err != nil {
			return err
		}
		_, err = s.db.Exec(ctx, `
			UPDATE voting_contestants
			SET username = ?, city = ?, city_folded = ?, country = ?, country_folded = ? WHERE user_id = ?`,
			c.PlayerName, c.City, city, c.Country, country, c.UserID)
		return err
	})
	if err != nil {
		return fmt.Errorf("change the contestant %s: %w", c.UserID, err)
	}
	return nil
}

// citiesOf are the cities of those contestants of a country who have the most votes.
func (s *store) citiesOf(ctx context.Context, country string, of, most int) (cities []string, err error) {
	var rows []struct{ City string }
	err = s.db.Query(ctx, &rows, `
		SELECT MIN(city) AS city FROM (
			SELECT city, city_folded FROM voting_contestants WHERE country_folded = ?
			ORDER BY listed_votes DESC, listed_at, user_id LIMIT ?) AS top
		GROUP BY city_folded ORDER BY COUNT(*) DESC, city_folded LIMIT ?`, foldCountry(country), of, most)
	if err != nil {
		return nil, fmt.Errorf("list cities: %w", err)
	}
	for _, row := range rows {
		cities = append(cities, row.City)
	}
	return cities, nil
}
