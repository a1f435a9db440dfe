package configdef

// groupRows are the keys of a group. Those of share groups and of streams groups wait for these kinds. Their defaults are the broker keys of the same name behind "group.".
func groupRows() []row {
	return []row{
		{"consumer.assignment.interval.ms", Int, "1000", "Least time between two assignments of the group.", atLeast(0), 0},
		{"consumer.heartbeat.interval.ms", Int, "5000", "Time between heartbeats that members are told.", atLeast(1), 0},
		{"consumer.session.timeout.ms", Int, "45000", "A member without heartbeat for so long is removed.", atLeast(1), 0},
		{"share.assignment.interval.ms", Int, "1000", "Least time between two assignments of the group.", atLeast(0), unused},
		{"share.auto.offset.reset", String, "latest", "Where a share group without offsets begins: latest, earliest, or by_duration:P… for records of that age.", offsetReset, unused},
		{"share.delivery.count.limit", Int, "5", "A record that was delivered so often without success is given up.", atLeast(2), unused},
		{"share.heartbeat.interval.ms", Int, "5000", "Time between heartbeats that members are told.", atLeast(1), unused},
		{"share.isolation.level", String, "read_uncommitted", "Whether the group sees records of open transactions: read_committed or read_uncommitted.", oneOf("read_committed", "read_uncommitted"), unused},
		{"share.partition.max.record.locks", Int, "2000", "Most records of a partition that the group has in flight.", atLeast(100), unused},
		{"share.record.lock.duration.ms", Int, "30000", "How long a delivered record stays locked for its receiver.", atLeast(1000), unused},
		{"share.renew.acknowledge.enable", Boolean, "true", "Let receivers prolong the lock of a record.", nil, unused},
		{"share.session.timeout.ms", Int, "45000", "A member without heartbeat for so long is removed.", atLeast(1), unused},
		{"streams.assignment.interval.ms", Int, "1000", "Least time between two assignments of the group.", atLeast(0), unused},
		{"streams.heartbeat.interval.ms", Int, "5000", "Time between heartbeats that members are told.", atLeast(1), unused},
		{"streams.initial.rebalance.delay.ms", Int, "3000", "How long a new group waits for more members before its first rebalance.", atLeast(0), unused},
		{"streams.num.standby.replicas", Int, "0", "Standby copies of each task.", atLeast(0), unused},
		{"streams.session.timeout.ms", Int, "45000", "A member without heartbeat for so long is removed.", atLeast(1), unused},
	}
}
