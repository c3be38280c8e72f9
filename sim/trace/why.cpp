#include "sim/trace/why.h"

#include <fmt/format.h>

#include "sim/trace/view.h"

namespace perdure::sim::trace {

namespace {

// Says nothing that the links around it do not say.
bool idle_link(const Story& story, std::uint64_t number, std::uint64_t effect) {
  const Moment& moment = story.moment(number);
  switch (moment.what) {
    case What::turn:
    case What::timer:
    case What::park:
    case What::tables:
    case What::objects: return true;
    case What::resume: {
      // Of one fiber's step and what it did, what it did is enough.
      const Moment& next = story.moment(effect);
      return next.what != What::resume && next.what != What::spawn;
    }
    case What::send: return story.moment(effect).what == What::arrive;
    default: return false;
  }
}

}  // namespace

std::vector<std::uint64_t> causes_of(const Story& story, std::uint64_t number) {
  std::vector<std::uint64_t> chain;
  while (number != 0 && number <= story.size()) {
    chain.push_back(number);
    number = story.moment(number).cause;
  }
  return chain;
}

std::uint64_t face_of_event(const Story& story, std::uint64_t event) {
  const std::uint64_t first = story.first_of_event(event);
  std::uint64_t face = first;
  for (std::uint64_t number = first; number != 0 && number <= story.size(); ++number) {
    if (story.moment(number).event != story.moment(first).event) break;
    if (is_transition(story.moment(number).what)) face = number;
    if (story.moment(number).what == What::check) break;
  }
  return face;
}

std::string why(const Story& story, std::uint64_t number, std::size_t links_max, bool all,
                bool colour) {
  const std::vector<std::uint64_t> chain = causes_of(story, number);
  std::string text;
  std::size_t shown = 0, folded = 0;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (!all && i > 0 && i + 1 < chain.size() && idle_link(story, chain[i], chain[i - 1])) {
      ++folded;
      continue;
    }
    if (shown++ == links_max) {
      text += fmt::format("  … and {} causes before\n", chain.size() - i);
      break;
    }
    const Moment& moment = story.moment(chain[i]);
    const std::string_view lead = i == 0 ? "" : "because";
    text += fmt::format("{:>12.6f} {:>8}  {:<8}{}{}{}\n", static_cast<double>(moment.at) / 1e9,
                        moment.event, lead, colour && i == 0 ? "\x1b[1m" : "",
                        words_of(story, chain[i]), colour && i == 0 ? "\x1b[0m" : "");
  }
  if (folded > 0)
    text += fmt::format("({} turns and steps between left out; --all shows them)\n", folded);
  return text;
}

}  // namespace perdure::sim::trace
