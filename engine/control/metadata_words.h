// engine/control/metadata_words.h
//
// What is asked of a member of the metadata group by those who are not its leader, as bytes:
// the questions of metadata.h and the operator's acts on the group.
//
//     Get, Watch  ─► FoundObject          Swap, Act  ─► nothing but ok
//
// A member that is not the leader answers `retry_elsewhere` and names the leader, if it
// knows one: not_the_leader() writes that, leader_named_in() reads it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/result.h"
#include "engine/control/metadata.h"
#include "engine/wire/codec.h"

namespace perdure::control {

enum class GroupAct : std::uint8_t {
  add = 1,       // becomes a learner, catches up, becomes a voter
  remove = 2,    // voter or learner
  transfer = 3,  // leads from now on
};

struct GetWords {
  std::string key;
  static constexpr auto fields = std::tuple(wire::field(1, "key", &GetWords::key));
};
struct WatchWords {
  std::string key;
  std::uint64_t seen = 0;
  static constexpr auto fields = std::tuple(wire::field(1, "key", &WatchWords::key),
                                            wire::field(2, "seen", &WatchWords::seen));
};
struct WriteWords {
  std::string key;
  std::uint64_t expected = 0;
  std::string value;
  static constexpr auto fields = std::tuple(wire::field(1, "key", &WriteWords::key),
                                            wire::field(2, "expected", &WriteWords::expected),
                                            wire::field(3, "value", &WriteWords::value));
};
struct SwapWords {
  std::uint64_t high = 0, low = 0;  // the proposal's id
  std::vector<WriteWords> writes;
  static constexpr auto fields =
      std::tuple(wire::field(1, "high", &SwapWords::high), wire::field(2, "low", &SwapWords::low),
                 wire::field(3, "writes", &SwapWords::writes));
};
struct ActWords {
  GroupAct act = GroupAct::add;
  NodeId node;
  static constexpr auto fields =
      std::tuple(wire::field(1, "act", &ActWords::act), wire::field(2, "node", &ActWords::node));
};
struct MetadataQuestion {
  std::variant<std::monostate, GetWords, WatchWords, SwapWords, ActWords> is;
  static constexpr auto fields = std::tuple(wire::one_of("is", &MetadataQuestion::is, 1, 2, 3, 4));
};
struct FoundObject {
  std::uint64_t version = 0;
  std::string value;
  static constexpr auto fields = std::tuple(wire::field(1, "version", &FoundObject::version),
                                            wire::field(2, "value", &FoundObject::value));
};

std::string question_of(Proposal);
Proposal proposal_of(SwapWords);
std::string answer_of(Versioned);
Result<Versioned> versioned_of(std::string_view answer);

std::unexpected<Error> not_the_leader(std::optional<NodeId> leader);
std::optional<NodeId> leader_named_in(const Error&);

}  // namespace perdure::control
