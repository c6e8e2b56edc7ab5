// Package database opens the one database of a deployment (SQLite in a file, or PostgreSQL), carries transactions in the
// context, runs each module's migrations, and gives constraint violations a name that is the same on both.
//
// Times are stored as BIGINT microseconds since the Unix epoch, UTC (see [Micros]): the only representation that both
// databases compare, index and return alike. Identifiers are TEXT.
package database
