package s3store

// buffer is one of partBytes; release gives it to whoever needs one next.
func (s *Store) buffer() *[]byte {
	b, ok := s.buffers.Get().(*[]byte)
	if !ok {
		panic("s3store: the pool holds something else than buffers")
	}
	return b
}

func (s *Store) release(b *[]byte) { s.buffers.Put(b) }

// buffers are those of one upload: its own, which somebody put, and up to partsInFlight of the shared ones, as long as there
// are some. Without any it goes on with its own, one part after another.
type buffers struct {
	store *Store
	free  chan *[]byte
	lent  []*[]byte
}

func (s *Store) newBuffers() *buffers {
	return &buffers{store: s, free: make(chan *[]byte, 1+partsInFlight)}
}

// get waits until one is free; every part that is sent frees one. It is for one goroutine.
func (b *buffers) get() *[]byte {
	select {
	case free := <-b.free:
		return free
	default:
	}
	if len(b.lent) < partsInFlight {
		select {
		case b.store.shared <- struct{}{}:
			lent := b.store.buffer()
			b.lent = append(b.lent, lent)
			return lent
		default:
		}
	}
	return <-b.free
}

func (b *buffers) put(free *[]byte) { b.free <- free }

// release gives back what was lent; nothing may use it any more.
func (b *buffers) release() {
	for _, lent := range b.lent {
		b.store.release(lent)
		<-b.store.shared
	}
}
