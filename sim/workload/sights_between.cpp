// What handlers do to each other, and what an operator does behind their backs.
#include <fmt/format.h>

#include "sim/workload/tourist.h"

namespace perdure::sim {

using std::chrono::milliseconds;

// A handler sends for later: once, and not before its time.
bool Tour::Tourist::errand() {
  const std::string key = "errand-" + token_;
  const auto delay = milliseconds(50 + below("tour.errand", 4000));
  happens_once_after(key, delay);
  const auto answer =
      call("/Fan/errand", fmt::format("{} {} {}", delay.count(), key, token_), token_);
  return answer && expect(*answer, "errand", token_);
}

// A handler asks for the outcome of what somebody else began, by either of its names.
bool Tour::Tourist::attach() {
  const std::uint64_t ms = below("tour.attach", 1500);
  const std::string other = token_ + "nap";
  const Nanos end_at_earliest = tour_.now() + ms * 1'000'000 - clock_tolerance;
  const auto begun = call("/Sleeper/nap/send", fmt::format("{} {}", ms, other), other);
  if (!begun) return false;
  if (begun->status != 202) {
    return claim(false, "stable-answers", "attach", fmt::format("answered {}", begun->status));
  }
  const bool by_id = below("tour.by_id", 2) == 0;
  const std::string whom = by_id ? "id " + begun->invocation : "key " + other;
  // Under the same key as the next call: for another handler it is another name.
  const auto early = call("/Fan/peek", whom, token_);
  if (!early) return false;
  const bool too_early = tour_.clocks_are_right() && tour_.now() < end_at_earliest;
  claim(early->status == 200 && (early->body.empty() || (early->body == other && !too_early)),
        "stable-answers", "attach",
        fmt::format("before its end answered {} '{}'", early->status, early->body));
  const auto answer = call("/Fan/attach", whom, token_);
  if (!answer) return false;
  expect(*answer, "attach", other);
  const auto late = call("/Fan/peek", whom, token_ + "late");
  if (!late) return false;
  expect(*late, "attach", other);
  const auto nobody = call("/Fan/attach", "key nobody-" + token_, token_ + "nobody");
  return nobody && expect_failure(*nobody, "attach", "404");
}

// One handler waits, another tells it, twice: the first word stands.
bool Tour::Tourist::meet() {
  const bool good = below("tour.good", 2) == 0;
  const auto answer =
      call("/Fan/meet", fmt::format("{} {}", good ? "resolve" : "reject", token_), token_);
  if (!answer) return false;
  if (good) return expect(*answer, "meet", "first-" + token_);
  return expect_failure(*answer, "meet", "first-" + token_);
}

// Who is killed takes along whom it called: else that one would hold its object for an hour.
bool Tour::Tourist::family() {
  const std::string key = "family-" + token_;
  tour_.journals_.not_exclusive("Map/" + key);  // its end is nobody's word
  const auto parent = call("/Fan/guard/send", key + " " + token_, token_);
  if (!parent) return false;
  if (parent->status != 202) {
    return claim(false, "stable-answers", "family", fmt::format("answered {}", parent->status));
  }
  if (!pause(milliseconds(1500))) return false;
  tour_.journals_.excuse(parent->invocation);
  if (!administer(parent->invocation, "kill")) return false;
  const auto answer = call("/Map/" + key + "/hold", "0 " + token_, token_ + "after");
  return answer && expect(*answer, "family", token_);
}

// The state of an object is replaced whole, in its turn; an expectation that is wrong
// replaces nothing.
bool Tour::Tourist::patch() {
  const std::string key = "patch-" + token_;
  const auto before = call("/Map/" + key + "/change", "set b old", token_);
  if (!before) return false;
  expect(*before, "patch", "1|b=old;");
  const auto held = call("/Map/" + key + "/hold/send",
                         fmt::format("{} {}", below("tour.held", 600), token_), token_ + "hold");
  if (!held) return false;
  const std::uint64_t retries_before = retries_;
  // Now and then so long that the queue in which it waits is cut off behind it.
  const std::string c(below("tour.long", 2) == 0 ? 3 : 5000, 'c');
  const std::string fresh = fmt::format(R"("a":"{}","c":"{}","~turns":"7")", token_, c);
  const auto patched =
      patch_state("Map", fmt::format(R"({{"object_key":"{}","new_state":{{{}}}}})", key, fresh));
  if (!patched) return false;
  claim(patched->status == 202, "stable-answers", "patch",
        fmt::format("answered {} '{}'", patched->status, patched->body));
  const auto look = call("/Map/" + key + "/change", "look", token_ + "look");
  if (!look) return false;
  // It saw the same state at both of its ends.
  const auto undisturbed = outcome(held->invocation);
  if (!undisturbed) return false;
  expect(*undisturbed, "patch", token_);
  expect(*look, "patch", fmt::format("8|a={};c={};", token_, c));
  const auto refused = patch_state(
      "Map",
      fmt::format(R"({{"object_key":"{}","version":"another","new_state":{{"a":"wrong"}}}})", key));
  if (!refused) return false;
  const auto again = call("/Map/" + key + "/change", "look", token_ + "again");
  if (!again) return false;
  // A duplicate of what was in doubt replaces the state once more.
  if (retries_ != retries_before) return true;
  return expect(*again, "patch", fmt::format("9|a={};c={};", token_, c));
}

}  // namespace perdure::sim
