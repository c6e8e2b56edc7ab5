package s3store_test

import (
	"testing"

	"risingstars/platform/storage/s3store/s3test"
	"risingstars/platform/storage/storagetest"
)

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Subject {
		return storagetest.Subject{Driver: open(t, options(t, s3test.New(t).Name))}
	})
}
