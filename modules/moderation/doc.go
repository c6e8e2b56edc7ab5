// Package moderation owns what people report about published videos, and what moderators decide: to hide a video, with
// a reason that its owner reads, or to show it again. A report hides nothing by itself.
//
// Each decision is one transaction: what the public sees, the decision, and its record in the log of acts.
//
// It offers [Module.HidingsOf], which says why videos are hidden, and HTTP operations under /api/admin and /api/public.
// It needs the gallery, the rights of roles and the log of acts. It owns the tables moderation_*.
package moderation
