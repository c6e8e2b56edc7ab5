// Package identity owns accounts: sign-up, sign-in, and the profiles that other modules show.
//
// A mailbox has at most one account, however its address is spelled, unless its accounts are older than that rule. An
// address is not proved to be its owner's.
//
// Programs sign in for an access token, which cannot be revoked. Browsers sign in for a token in a cookie, which ends
// with signing out, or when it was not used for [BrowserTTL].
//
// Roles give rights ([Holders]), which are read at each act: taking a role away works at once. A suspended account may
// not sign in, upload or vote, and its entries are hidden; other processes know within standingFor. Every act by a role
// stands in a log that only grows, written in the act's own transaction. The last admin who may sign in stays one.
//
// It offers [Module.ProfileOf], which returns a person's player name, city and country, and the HTTP operations under
// /api/auth and /api/admin. It needs a database, a password hasher, a token issuer and rate limiters. It owns the tables identity_*.
package identity
