// Package webhooks tells programs elsewhere what happens on the site, signed by the Standard Webhooks specification.
//
//	Module.Tell(Event)      keeps a delivery for each endpoint that wants it, in the transaction of the act
//	   ↓
//	Module.Sweep            finds endpoints with something due, and hands each to the queue, kind webhooks.send
//	   ↓
//	Module.Handlers         a worker wakes the sweeper of its process, which has four turns for endpoints at a time
//	   ↓
//	Module.serve            takes the endpoint, and sends what is due, one delivery after the other
//	   ↓
//	carrier                 signs it, and posts it to a public address
//
// An endpoint gets each event at least once, with the same webhook-id each time: a process that dies between the answer
// and noting it sends the event again. Events are not in strict order. One that cannot be delivered is tried again,
// ever more rarely, for 24 hours; it stays in the log of deliveries for 14 days, from where it can be sent again. An
// endpoint that nothing reaches for three days is switched off, and says why.
//
// Addresses that are not public are refused when the connection is made, so that no answer of a name server leads into
// the network of the service; redirects are not followed. Secrets are shown once, and are closed in a vault.
//
// It offers [Module.Tell] to the other modules, through ports of theirs, and HTTP operations under /api/admin/webhooks.
// It needs the queue, the rights of roles and the log of acts. It owns the tables webhooks_*.
package webhooks
