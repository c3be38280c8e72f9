// sim/check/state_model.h
//
// What an object's state must be, from the answers of a handler that changes it and
// tells, in one exclusive turn, the number of the turn and all that is there then:
//
//     "set a t7" ─► "12|a=t7;b=t3;"        turn 12
//     "clear a"  ─► "13|b=t3;"             = turn 12 with one change
//
// Turns are told in any order; each is compared with its neighbours as soon as both are
// known.  No search: the numbers say where an answer belongs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "sim/world/loop.h"

namespace perdure::sim {

class StateModel {
 public:
  explicit StateModel(std::function<void(Finding)> report) : report_(std::move(report)) {}

  void answered(const std::string& object, const std::string& change, std::string_view answer);
  std::uint64_t last_turn(const std::string& object) const;

 private:
  using State = std::map<std::string, std::string>;
  struct Turn {
    std::string change, answer;
    State state;
  };
  static State after(State state, std::string_view change);
  void compare(const std::string& object, const Turn& before, std::uint64_t number,
               const Turn& turn);
  void fail(std::string_view check, const std::string& object, std::string detail);

  const std::function<void(Finding)> report_;
  std::map<std::string, std::map<std::uint64_t, Turn>> turns_;
};

}  // namespace perdure::sim
