// Package database opens the one database of a deployment (SQLite in a file, or PostgreSQL), carries transactions in
// the context, runs each module's migrations, and names constraint violations in the same way on both databases. It
// does not hide SQL: stores write statements that both databases understand, and ask for the [Dialect] where that is
// impossible.
//
// Times are stored as BIGINT microseconds since the Unix epoch, UTC (see [Micros]): the only representation that both
// databases compare, index and return in the same way. Identifiers are TEXT.
package database
