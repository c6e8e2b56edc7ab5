package storage

// CacheControl returns what every driver says in Cache-Control about an object. A public object never changes under its
// key, but may be deleted: caches forget it within an hour, unless the store confirms by its ETag that it is still
// there. Nobody keeps any other object.
func CacheControl(public bool) string {
	if public {
		return "public, max-age=3600, must-revalidate"
	}
	return "private, no-store"
}
