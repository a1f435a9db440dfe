package server

// InFlight counts the requests that were read and are not answered yet, by API. Those that wait for an event, such as a
// Fetch for records, are among them.
func (s *Server) InFlight() map[int16]int {
	counts := make(map[int16]int)
	for _, c := range s.open() {
		c.countInFlight(counts)
	}
	return counts
}

func (c *Conn) countInFlight(counts map[int16]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for a := c.head; a != nil; a = a.next {
		if !a.ready {
			counts[a.route.key]++
		}
	}
}
