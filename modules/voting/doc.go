// Package voting owns what the public sees of the contest: the gallery of published entries, one vote per person and
// entry, and the ranking of contestants.
//
// An entry arrives complete through [Module.Publish], so gallery and ranking read this module's tables alone and join
// nothing. The rows of votes are the truth. The counters beside them change in the same transaction and always equal
// them. The module offers HTTP operations under /api/public and owns the tables voting_*.
package voting
