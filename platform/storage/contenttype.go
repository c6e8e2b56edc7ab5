package storage

import "path"

// Written out, because mime.TypeByExtension depends on the host's files. No type here runs scripts in a browser.
var contentTypes = map[string]string{
	".3g2":  "video/3gpp2",
	".3gp":  "video/3gpp",
	".avi":  "video/x-msvideo",
	".flv":  "video/x-flv",
	".jpeg": "image/jpeg",
	".jpg":  "image/jpeg",
	".json": "application/json",
	".m4v":  "video/x-m4v",
	".mkv":  "video/x-matroska",
	".mov":  "video/quicktime",
	".mp4":  "video/mp4",
	".mpeg": "video/mpeg",
	".mpg":  "video/mpeg",
	".mts":  "video/mp2t",
	".png":  "image/png",
	".ts":   "video/mp2t",
	".txt":  "text/plain; charset=utf-8",
	".webm": "video/webm",
	".webp": "image/webp",
	".wmv":  "video/x-ms-wmv",
}

// ContentType is the type by the key's extension, application/octet-stream when unknown.
func ContentType(key string) string {
	if t, ok := contentTypes[path.Ext(key)]; ok {
		return t
	}
	return "application/octet-stream"
}
