// Package certificate gets the certificates of a site's names by ACME (RFC 8555), renews them, and keeps them with
// their keys in a folder that only its owner can read.
//
// It promises that a certificate which is kept and valid is used at once and not asked for again, that an authority
// which is away is tried until it answers, and that what is there serves meanwhile, however old it is. While a name has
// no valid certificate, it first compares the clocks, and asks for nothing as long as this machine's is far from the
// authority's: what it got would seem expired, or not yet valid, and it would ask again and again until the authority
// refuses. Whoever owns the listeners must answer the authority's questions: Challenge those by plain HTTP, Certificate
// those by TLS.
package certificate
