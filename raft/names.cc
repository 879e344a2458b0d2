// The words for enumerators, for logs, scripts and people.
#include "raft/ready.h"
#include "raft/status.h"

namespace timber::raft {

std::string_view to_string(Role role) {
    switch (role) {
        case Role::kFollower: return "Follower";
        case Role::kPreCandidate: return "PreCandidate";
        case Role::kCandidate: return "Candidate";
        case Role::kLeader: return "Leader";
    }
    TIMBER_UNREACHABLE();
}

std::string_view to_string(ProgressState state) {
    switch (state) {
        case ProgressState::kProbe: return "Probe";
        case ProgressState::kReplicate: return "Replicate";
        case ProgressState::kSnapshot: return "Snapshot";
    }
    TIMBER_UNREACHABLE();
}

std::string_view to_string(ProposalFate fate) {
    switch (fate) {
        case ProposalFate::kLeadershipLost: return "LeadershipLost";
        case ProposalFate::kOverwritten: return "Overwritten";
        case ProposalFate::kPassedBySnapshot: return "PassedBySnapshot";
    }
    TIMBER_UNREACHABLE();
}

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
        case Refusal::kNotLeader: return "NotLeader";
        case Refusal::kNoLeader: return "NoLeader";
        case Refusal::kTransferPending: return "TransferPending";
        case Refusal::kUncommittedLimit: return "UncommittedLimit";
        case Refusal::kTooLarge: return "TooLarge";
        case Refusal::kReadLimit: return "ReadLimit";
        case Refusal::kMembershipBusy: return "MembershipBusy";
        case Refusal::kNotVoter: return "NotVoter";
        case Refusal::kUnknownNode: return "UnknownNode";
        case Refusal::kBadChange: return "BadChange";
        case Refusal::kAlreadyLeader: return "AlreadyLeader";
        case Refusal::kPromised: return "Promised";
        case Refusal::kDiskStalled: return "DiskStalled";
        case Refusal::kUnappliedChange: return "UnappliedChange";
        case Refusal::kLeadershipLost: return "LeadershipLost";
        case Refusal::kTimedOut: return "TimedOut";
    }
    TIMBER_UNREACHABLE();
}

}  // namespace timber::raft
