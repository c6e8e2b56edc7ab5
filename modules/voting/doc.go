// Package voting owns what the public sees of the contest: the gallery of published entries, one vote per person and
// entry, and the ranking of contestants.
//
// An entry arrives complete through [Module.Publish], so gallery and ranking read this module's tables alone and join
// nothing. The rows of votes are the truth. The counters beside them change in the same transaction and always equal
// them: triggers keep the tally of every entry, whoever writes the votes. A tally and its contestant are narrow rows,
// and what a vote changes in them is in no index. The lists by votes are sorted by copies, which whoever asks for such
// a list brings up to date first (store_tallies.go).
//
// Lists are not counted: triggers keep the numbers of entries and contestants by place. Pages can go on after a mark,
// so that what is added meanwhile repeats no row. Public answers are at most a second old (web.RegisterPrepared).
//
// Votes that arrive at once share a transaction: those for one video (lanes.go) and, on PostgreSQL, those for others
// that wait as well (joint.go). None is acknowledged before its commit.
//
// The ranking depends only on the votes that count now, and on when each of them was first cast. Among contestants with
// equally many votes, the one whose latest vote is older comes first: that one has reached the number first. A vote
// that is taken back and given again keeps its first time, and so the ranking is as if it had always stood; one that is
// taken back leaves the ranking as if it had never been cast. So nobody changes the order of two contestants but by a
// vote more or less for one of them. The times of the votes for an entry are forgotten when it is withdrawn.
//
// An entry that a moderator hides, or whose owner is absent, is moved with its votes into tables of its own, and back:
// so no list, ranking or counter can forget to leave it out (store_hidden.go). To move takes as long as to write its
// votes.
//
// The module offers HTTP operations under /api/public and owns the tables voting_*.
package voting
