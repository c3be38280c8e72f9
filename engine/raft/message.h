// engine/raft/message.h
//
// What members of a Raft group say to one another, and what they keep on disk.
//
//     VoteRequest ─► VoteReply           elections (§5.2); pre: only asking (T9.6)
//     Append      ─► AppendReply         entries, heartbeats, read rounds (§5.3, T6.4)
//     SnapshotPart ─► SnapshotReply      for who lags behind the log (§7)
//     LeadNow                            "campaign at once": leadership transfer (T3.10)
//
// Every envelope carries the sender's term.  Bytes may be a stranger's: decode() checks
// form, Raft::step() checks sense, and both drop what has none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/wire/codec.h"

namespace perdure::raft {

using wire::field;

// Who belongs to the group.  Both lists sorted, nobody in both.
struct Configuration {
  std::vector<NodeId> voters;
  std::vector<NodeId> learners;  // are sent everything, count for nothing (T4.2.1)

  bool is_voter(NodeId) const;
  bool is_member(NodeId) const;
  friend bool operator==(const Configuration&, const Configuration&) = default;
  static constexpr auto fields = std::tuple(field(1, "voters", &Configuration::voters),
                                            field(2, "learners", &Configuration::learners));
};
// Errors: invalid, saying why.  Sorts both lists.
Result<Configuration> checked(Configuration);

enum class EntryKind : std::uint8_t {
  command = 0,
  nothing = 1,        // a new leader's first: commits what came before it (§8)
  configuration = 2,  // in force as soon as it is in the log (T4.1)
};
std::string_view name_of(EntryKind);

struct Entry {
  Term term;
  Index index;
  EntryKind kind = EntryKind::command;
  std::string bytes;
  friend bool operator==(const Entry&, const Entry&) = default;
  static constexpr auto fields =
      std::tuple(field(1, "term", &Entry::term), field(2, "index", &Entry::index),
                 field(3, "kind", &Entry::kind), field(4, "bytes", &Entry::bytes));
};

// What a member may never forget: who votes twice in a term elects two leaders (§5.2).
struct Ballot {
  Term term;
  std::optional<NodeId> vote;
  friend bool operator==(const Ballot&, const Ballot&) = default;
  static constexpr auto fields =
      std::tuple(field(1, "term", &Ballot::term), field(2, "vote", &Ballot::vote));
};

// The state machine after `last`, which stands for all entries up to it.
struct Snapshot {
  Index last;
  Term term;  // of that entry
  Configuration configuration;
  std::string bytes;
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
  static constexpr auto fields = std::tuple(
      field(1, "last", &Snapshot::last), field(2, "term", &Snapshot::term),
      field(3, "configuration", &Snapshot::configuration), field(4, "bytes", &Snapshot::bytes));
};

struct VoteRequest {
  bool pre = false;        // would you?  Nothing changes by the answer (T9.6)
  bool appointed = false;  // the leader itself asked for it: no lease protects him (T3.10)
  Index last;
  Term last_term;
  friend bool operator==(const VoteRequest&, const VoteRequest&) = default;
  static constexpr auto fields = std::tuple(
      field(1, "pre", &VoteRequest::pre), field(2, "appointed", &VoteRequest::appointed),
      field(3, "last", &VoteRequest::last), field(4, "last_term", &VoteRequest::last_term));
};
struct VoteReply {
  bool pre = false;
  bool granted = false;
  friend bool operator==(const VoteReply&, const VoteReply&) = default;
  static constexpr auto fields =
      std::tuple(field(1, "pre", &VoteReply::pre), field(2, "granted", &VoteReply::granted));
};

struct Append {
  Index previous;
  Term previous_term;
  std::vector<Entry> entries;
  Index commit;
  std::uint64_t round = 0;  // echoed: who answers took us for the leader after it was asked
  friend bool operator==(const Append&, const Append&) = default;
  static constexpr auto fields = std::tuple(
      field(1, "previous", &Append::previous), field(2, "previous_term", &Append::previous_term),
      field(3, "entries", &Append::entries), field(4, "commit", &Append::commit),
      field(5, "round", &Append::round));
};
struct AppendReply {
  bool agrees = false;
  Index matched;  // agrees: my log is yours up to here
  Index durable;  // agrees: and up to here it is on my disk
  Index refused;  // else: you said there was this one before
  Index hint;     // else: the last of mine that may be yours
  Term hint_term;
  std::uint64_t round = 0;
  friend bool operator==(const AppendReply&, const AppendReply&) = default;
  static constexpr auto fields = std::tuple(
      field(1, "agrees", &AppendReply::agrees), field(2, "matched", &AppendReply::matched),
      field(3, "durable", &AppendReply::durable), field(4, "refused", &AppendReply::refused),
      field(5, "hint", &AppendReply::hint), field(6, "hint_term", &AppendReply::hint_term),
      field(7, "round", &AppendReply::round));
};

struct SnapshotPart {
  Snapshot part;           // of its bytes only [at, at + size)
  std::uint64_t at = 0;    // bytes
  std::uint64_t size = 0;  // of the whole, bytes
  friend bool operator==(const SnapshotPart&, const SnapshotPart&) = default;
  static constexpr auto fields =
      std::tuple(field(1, "part", &SnapshotPart::part), field(2, "at", &SnapshotPart::at),
                 field(3, "size", &SnapshotPart::size));
};
struct SnapshotReply {
  Index last;               // of the snapshot
  std::uint64_t bytes = 0;  // that are here, from the first on
  friend bool operator==(const SnapshotReply&, const SnapshotReply&) = default;
  static constexpr auto fields =
      std::tuple(field(1, "last", &SnapshotReply::last), field(2, "bytes", &SnapshotReply::bytes));
};

struct LeadNow {
  friend bool operator==(const LeadNow&, const LeadNow&) = default;
  static constexpr auto fields = std::tuple();
};

struct Envelope {
  NodeId from, to;
  Term term;  // the sender's
  std::variant<std::monostate, VoteRequest, VoteReply, Append, AppendReply, SnapshotPart,
               SnapshotReply, LeadNow>
      message;
  friend bool operator==(const Envelope&, const Envelope&) = default;
  static constexpr auto fields =
      std::tuple(field(1, "from", &Envelope::from), field(2, "to", &Envelope::to),
                 field(3, "term", &Envelope::term),
                 wire::one_of("message", &Envelope::message, 4, 5, 6, 7, 8, 9, 10));
};

}  // namespace perdure::raft
