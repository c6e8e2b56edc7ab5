// Package database opens the one database of a deployment (SQLite in a file, or PostgreSQL), carries transactions in
// the context, runs each module's migrations, and names constraint violations in the same way on both databases. It
// does not hide SQL: stores write statements that both databases understand, and ask for the [Dialect] where that is
// impossible.
//
// What InTx and Exec have acknowledged survives a crash of the process and a power cut, on SQLite as on PostgreSQL,
// where the disk keeps what it was told to sync. (On macOS, SQLite does not empty the disk's own cache.) On SQLite,
// where every commit waits for the disk, writers of one process that wait for each other share a commit.
//
// Several processes may use one SQLite file, even several `app serve`, and may start at the same time. Their writers
// find their turns by polling, for up to ten seconds, so one process that writes without pause makes the others wait
// for seconds.
//
// Times are stored as BIGINT microseconds since the Unix epoch, UTC (see [Micros]): the only representation that both
// databases compare, index and return in the same way. Identifiers are TEXT.
package database
