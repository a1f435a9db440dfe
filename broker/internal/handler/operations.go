package handler

// Without an authorizer everybody may do everything: the answers to "what may
// I do" are all operations that a resource has, one bit for each.
const (
	topicOperations   int32 = 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<10 | 1<<11
	clusterOperations int32 = 1<<5 | 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<12
	notAsked          int32 = -1 << 31
)

func operations(asked bool, all int32) int32 {
	if asked {
		return all
	}
	return notAsked
}
