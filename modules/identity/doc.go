// Package identity owns accounts: sign-up, sign-in, and the profile that other modules show.
//
// It offers [Module.Profile] to whoever needs a person's name and city, and HTTP operations under /api/auth. It needs a
// database, a password hasher and a token issuer. It owns the tables identity_*.
package identity
