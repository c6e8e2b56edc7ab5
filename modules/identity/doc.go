// Package identity owns accounts: sign-up, sign-in, and the profiles that other modules show.
//
// A mailbox has at most one account, however its address is spelled, unless its accounts are older than that rule. An
// address is proved to be its owner's by the link of a letter; [Module.Verified] tells whether it is.
//
// Programs sign in for an access token, which cannot be revoked. Browsers sign in for a token in a cookie, which ends
// with signing out, or when it was not used for [BrowserTTL].
//
// It offers [Module.ProfileOf], which returns a person's player name, city and country, and the HTTP operations under
// /api/auth. It needs a database, a password hasher, a token issuer and rate limiters. It owns the tables identity_*.
package identity
