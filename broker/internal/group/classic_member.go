package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// member is one member of a classic group.
type member struct {
	id               string
	instanceID       *string // group.instance.id of a static member
	client           Client
	rebalanceTimeout time.Duration
	sessionTimeout   time.Duration
	protocolType     string
	protocols        []kmsg.JoinGroupRequestProtocol // in its order of preference
	assignment       []byte                          // of the last stable generation; set by Replay alone
	silence

	session *timer
	fresh   bool                           // its first JoinGroup is still parked: it does not know its id
	join    Reply[*kmsg.JoinGroupResponse] // parked JoinGroup, or nil
	sync    Reply[*kmsg.SyncGroupResponse] // parked SyncGroup, or nil
}

func (mb *member) metadata(protocol string) []byte {
	for _, p := range mb.protocols {
		if p.Name == protocol {
			return p.Metadata
		}
	}
	return nil
}

// waits says whether the coordinator owes the member an answer: it cannot send
// heartbeats meanwhile, so its session does not expire.
func (mb *member) waits() bool { return mb.join != nil || mb.sync != nil }

// parkJoin keeps the answer to a JoinGroup back. An earlier one of the same member,
// which its client has given up, is told to try again.
func (mb *member) parkJoin(out *coordinator.Out, reply Reply[*kmsg.JoinGroupResponse]) {
	mb.answerJoin(out, joinError(mb.id, kerr.RebalanceInProgress))
	mb.join = reply
}

func (mb *member) parkSync(out *coordinator.Out, reply Reply[*kmsg.SyncGroupResponse]) {
	mb.answerSync(out, syncError(kerr.RebalanceInProgress))
	mb.sync = reply
}

func (mb *member) takeJoin() Reply[*kmsg.JoinGroupResponse] {
	f := mb.join
	mb.join = nil
	return f
}

func (mb *member) takeSync() Reply[*kmsg.SyncGroupResponse] {
	f := mb.sync
	mb.sync = nil
	return f
}

// answerJoin answers a parked JoinGroup, if there is one.
func (mb *member) answerJoin(out *coordinator.Out, resp *kmsg.JoinGroupResponse) {
	if f := mb.takeJoin(); f != nil {
		answer(out, f, resp)
	}
}

// answerSync answers a parked SyncGroup and says whether there was one.
func (mb *member) answerSync(out *coordinator.Out, resp *kmsg.SyncGroupResponse) bool {
	f := mb.takeSync()
	if f != nil {
		answer(out, f, resp)
	}
	return f != nil
}

// answer gives resp once the step's records are committed.
func answer[P any](out *coordinator.Out, reply Reply[P], resp P) {
	out.Answer(func(err error) { reply(resp, err) })
}

func joinError(memberID string, err error) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.MemberID = memberID
	resp.ErrorCode = errorCode(err)
	resp.Generation = -1
	return resp
}

func syncError(err error) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.ErrorCode = errorCode(err)
	return resp
}
