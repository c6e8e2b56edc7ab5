package storage

import "path"

// contentTypes does not rely on mime.TypeByExtension, which depends on files of the host. A browser runs scripts in
// none of these types.
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
	".zip":  "application/zip",
}

// ContentType returns the type of the key's extension, or application/octet-stream if the extension is unknown.
func ContentType(key string) string {
	if t, ok := contentTypes[path.Ext(key)]; ok {
		return t
	}
	return "application/octet-stream"
}
