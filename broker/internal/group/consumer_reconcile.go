package group

// reconcile takes a member one step further towards its target. owned are the partitions
// that the member says it has, nil if it did not say.
//
// What it has and is not to have, it must give back first; only then it goes on to the
// target's epoch and gets what is free. What others still have it gets later.
func (g *consumer) reconcile(mb *consumerMember, owned *assignment) *consumerMember {
	switch {
	case mb.reached(g.targetEpoch):
		return mb
	case mb.state == unrevokedPartitions:
		if owned == nil || owned.and(mb.revoking).len() > 0 {
			return mb
		}
		return g.next(mb, min(mb.epoch+1, g.targetEpoch), owned)
	}
	return g.next(mb, mb.epoch, owned)
}

// next computes where a member goes from what it has. epoch is what it keeps as long as
// it has to give partitions back.
func (g *consumer) next(mb *consumerMember, epoch int32, owned *assignment) *consumerMember {
	target := g.target[mb.id]
	kept := mb.assigned.and(target)
	revoking := mb.assigned.minus(kept)
	if revoking.len() > 0 && (owned == nil || owned.and(revoking).len() > 0) {
		return mb.moved(unrevokedPartitions, epoch, kept, revoking)
	}
	wanted := target.minus(kept)
	free := wanted.filter(func(topic TopicID, partition int32) bool {
		_, taken := g.owners[slot{topic, partition}]
		return !taken
	})
	state := stable
	if free.len() < wanted.len() {
		state = unreleasedPartitions
	}
	return mb.moved(state, g.targetEpoch, kept.or(free), assignment{})
}
