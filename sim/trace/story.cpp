#include "sim/trace/story.h"

#include <algorithm>
#include <array>

namespace perdure::sim::trace {

namespace {

constexpr std::array<std::string_view, what_count> names = {
    "turn",  "timer",  "spawn",  "resume",  "park",    "cancel",    "send",  "arrive",
    "drop",  "disk",   "tables", "objects", "fault",   "fault_end", "up",    "down",
    "mark",  "role",   "append", "commit",  "seal",    "trim",      "apply", "invoke",
    "retry", "answer", "check",  "digest",  "nemesis", "workload"};

struct LastWord {
  std::string_view word;
  What what;
};
constexpr std::array last_words = {
    LastWord{"appended", What::append},    LastWord{"committed", What::commit},
    LastWord{"sealed", What::seal},        LastWord{"trimmed", What::trim},
    LastWord{"applied", What::apply},      LastWord{"digest", What::digest},
    LastWord{"announced", What::role},     LastWord{"leads", What::role},
    LastWord{"leads_no_more", What::role},
};

}  // namespace

std::string_view name_of(What what) { return names[static_cast<std::size_t>(what)]; }

std::optional<What> what_of(std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<What>(found - names.begin());
}

What what_of_mark(std::string_view mark) {
  if (mark.find(".leader.") != mark.npos || mark.find(".role.") != mark.npos) return What::role;
  const std::string_view last = mark.substr(mark.rfind('.') + 1);
  for (const LastWord& each : last_words) {
    if (each.word == last) return each.what;
  }
  return What::mark;
}

TextId Story::text(std::string_view text) {
  const auto found = ids_.find(text);
  if (found != ids_.end()) return found->second;
  const auto id = static_cast<TextId>(texts_.size());
  texts_.emplace_back(text);
  ids_.emplace(text, id);
  return id;
}

std::uint64_t Story::first_of_event(std::uint64_t event) const {
  const auto found = std::ranges::lower_bound(moments_, event, {}, &Moment::event);
  return found == moments_.end() ? 0 : static_cast<std::uint64_t>(found - moments_.begin()) + 1;
}

}  // namespace perdure::sim::trace
