#include "tally.h"

namespace bench {
namespace {

constexpr std::size_t enough_of_an_answer = 200;

}  // namespace

void Tally::right(std::uint64_t now, std::uint64_t asked_at) {
  ++rights;
  if (first_right == 0) first_right = now;
  if (last_right_ != 0 && now - last_right_ > longest_gap) {
    longest_gap = now - last_right_;
    longest_gap_at = last_right_;
  }
  last_right_ = now;
  if (measured_.timeline_ms != 0) {
    const std::uint64_t piece =
        (now - measured_.begun) / (1000 * static_cast<std::uint64_t>(measured_.timeline_ms));
    if (timeline.size() <= piece) timeline.resize(piece + 1);
    ++timeline[piece];
  }
  if (now >= measured_.from && now <= measured_.until) {
    latencies.push_back(static_cast<std::uint32_t>(now - asked_at));
  }
}

void Tally::wrong(const std::string& answer) {
  ++wrongs;
  if (first_error.empty()) first_error = "wrong body: " + answer.substr(0, enough_of_an_answer);
}

void Tally::failed(int status, const std::string& answer) {
  ++errors;
  ++errors_by_status[status];
  if (!first_error.empty() || status == no_answer) return;
  first_error = std::to_string(status) + " " + answer.substr(0, enough_of_an_answer);
}

}  // namespace bench
