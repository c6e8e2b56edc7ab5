package backup

import (
	"bytes"
	"io"

	"filippo.io/age"
)

// encrypting returns what r holds, encrypted. stop ends it early.
func encrypting(r io.Reader, to age.Recipient) (encrypted io.Reader, stop func()) {
	out, in := io.Pipe()
	go func() {
		w, err := age.Encrypt(in, to)
		if err == nil {
			_, err = io.Copy(w, r)
		}
		if err == nil {
			err = w.Close()
		}
		in.CloseWithError(err)
	}()
	return out, func() { _ = out.Close() }
}

const (
	ageChunk = 64 << 10 // bytes that age encrypts at once (https://age-encryption.org/v1, Payload)
	ageTag   = 16       // bytes that it adds to each
)

// encryptedSize returns how many bytes encrypting makes of so many. overhead is what it makes of none.
func encryptedSize(size, overhead int64) int64 {
	chunks := max(1, (size+ageChunk-1)/ageChunk)
	return overhead + size + (chunks-1)*ageTag
}

// overheadOf returns what encrypting makes of no bytes.
func overheadOf(to age.Recipient) (int64, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err == nil {
		err = w.Close()
	}
	return int64(out.Len()), err
}
