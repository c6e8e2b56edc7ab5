// Package identity owns accounts: sign-up, sign-in, and the profiles that other modules show.
//
// A mailbox has at most one account, however its address is spelled, unless its accounts are older than that rule. An
// address is proved to be its owner's by the link of a letter; [Module.Verified] tells whether it is.
//
// Programs and browsers sign in to a session, which lives for [DefaultSessionTTL] after its last use, unless its owner
// ends it. A browser has a token in a cookie. A program has an access token, which names the session, and a refresh
// token, which gives the next of both; once that has been used twice, the session ends. What has ended holds at once in
// the process that ended it, and within 10 s in all others. An access token that names no session, as older versions
// issued them, is valid until it expires, or until all sessions of its account are ended.
//
// Only hashes of tokens are kept. All times of sessions and suspensions are the database's clock: if that is put
// forward by d, they end by d earlier, and a refresh token whose answer was lost at that moment ends its session; if it
// is put back, they live longer by d.
//
// Roles give rights ([Holders]), which are read at each act: taking a role away works at once. A suspended account may
// not sign in, upload or vote, and its entries are hidden; other processes know within standingFor. Every act by a role
// stands in a log that only grows, written in the act's own transaction. The last admin who may sign in stays one.
//
// An account that its owner deletes is as if it were gone from that moment on: signed out, hidden, without its votes,
// and its e-mail is free. The link of a letter brings it back within seven days. Then it is erased, with all that other
// modules have of it ([Belongings]), in steps that go on wherever they were interrupted; the log keeps its id.
//
// It offers [Module.ProfileOf], which returns a person's player name, city and country, and the HTTP operations under
// /api/auth and /api/admin. It needs a database, a password hasher, a token issuer and rate limiters. It owns the
// tables identity_*.
package identity
