package voting

const rank = `WITH totals (entry, votes) AS (
	SELECT e.id, count(*) FROM public.voting_entries e JOIN voting_votes v ON v.entry = e.id GROUP BY e.id
), firsts AS MATERIALIZED (
	SELECT entry, EXTRACT(EPOCH FROM min(at)) AS at FROM "voting_votes" GROUP BY entry
)
SELECT * FROM totals JOIN firsts ON firsts.entry = totals.entry JOIN unnest(?) AS wanted ON wanted IS NOT DISTINCT FROM votes`

const add = `INSERT INTO voting_votes (voter, entry) VALUES (?, ?) ON CONFLICT (voter, entry) DO UPDATE SET at = 1`
