package group

// reconciling takes a member one step further towards its target.
type reconciling struct {
	g  *consumer
	mb *consumerMember
	// owned are the partitions that the member says it has, nil if it did not say.
	owned *assignment
	// topics are those that it subscribes to now; the target may be of another time.
	topics map[TopicID]bool
	// changed says that it did not subscribe to the same before.
	changed bool
}

// step gives the member where it goes.
//
// What it has and is not to have, it must give back first; only then it goes on to the
// target's epoch and gets what is free. What others still have it gets later.
func (r *reconciling) step() *consumerMember {
	mb := r.mb
	switch waits := mb.state == unrevokedPartitions && r.owns(mb.revoking); {
	case !r.changed && (waits || mb.reached(r.g.targetEpoch)):
		return mb
	case waits, mb.reached(r.g.targetEpoch):
		return r.shrink()
	}
	return r.next()
}

// owns says whether the member has one of these, as far as it is known.
func (r *reconciling) owns(a assignment) bool { return r.owned == nil || r.owned.and(a).len() > 0 }

func (r *reconciling) subscribed(topic TopicID, _ int32) bool { return r.topics[topic] }

// shrink takes from a member what it does not subscribe to any more.
func (r *reconciling) shrink() *consumerMember {
	mb := r.mb
	kept := mb.assigned.filter(r.subscribed)
	gone := mb.assigned.minus(kept)
	if gone.len() == 0 {
		return mb
	}
	if revoking := mb.revoking.or(gone); r.owns(revoking) {
		return mb.moved(unrevokedPartitions, mb.epoch, kept, revoking, mb.epoch)
	}
	return mb.moved(mb.state, mb.epoch, kept, mb.revoking, mb.epoch)
}

// next computes where a member goes from what it has. It keeps its epoch as long as it
// has to give partitions back.
func (r *reconciling) next() *consumerMember {
	g, mb := r.g, r.mb
	target := g.target[mb.id].filter(r.subscribed)
	kept := mb.assigned.and(target)
	if revoking := mb.assigned.minus(kept); revoking.len() > 0 && r.owns(revoking) {
		return mb.moved(unrevokedPartitions, mb.epoch, kept, revoking, mb.epoch)
	}
	wanted := target.minus(kept)
	free := wanted.filter(func(topic TopicID, partition int32) bool {
		owner, taken := g.owners[slot{topic, partition}]
		return !taken || owner == mb.id
	})
	state := stable
	if free.len() < wanted.len() {
		state = unreleasedPartitions
	}
	return mb.moved(state, g.targetEpoch, kept.or(free), assignment{}, g.targetEpoch)
}
