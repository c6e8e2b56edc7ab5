package s3store

// buffer returns a buffer of partBytes. release makes it available again.
func (s *Store) buffer() *[]byte {
	b, ok := s.buffers.Get().(*[]byte)
	if !ok {
		panic("s3store: the pool holds something other than a buffer")
	}
	return b
}

func (s *Store) release(b *[]byte) { s.buffers.Put(b) }

// buffers are the buffers of one upload: its own, which arrives by put, and up to partsInFlight shared ones, if they
// are free. Without shared ones, the upload sends one part after another from its own.
type buffers struct {
	store    *Store
	free     chan *[]byte
	borrowed []*[]byte
}

func (s *Store) newBuffers() *buffers {
	return &buffers{store: s, free: make(chan *[]byte, 1+partsInFlight)}
}

// get waits until a buffer is free; each part that has been sent frees one. It is for one goroutine.
func (b *buffers) get() *[]byte {
	select {
	case free := <-b.free:
		return free
	default:
	}
	if len(b.borrowed) < partsInFlight {
		select {
		case b.store.shared <- struct{}{}:
			shared := b.store.buffer()
			b.borrowed = append(b.borrowed, shared)
			return shared
		default:
		}
	}
	return <-b.free
}

func (b *buffers) put(buffer *[]byte) { b.free <- buffer }

// release returns the shared buffers, which must no longer be in use.
func (b *buffers) release() {
	for _, shared := range b.borrowed {
		b.store.release(shared)
		<-b.store.shared
	}
}
