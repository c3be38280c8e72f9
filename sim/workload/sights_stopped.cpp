// What is asked twice and is one, and what ends before its time.
#include <fmt/format.h>

#include "sim/workload/tourist.h"

namespace perdure::sim {

using std::chrono::milliseconds;

namespace {

constexpr std::string_view an_hour_in_ms = "3600000 ";

}  // namespace

Result<Answered> Tour::Tourist::send_hour(const std::string& name) {
  return call("/Sleeper/nap/send", std::string(an_hour_in_ms) + name, name);
}

Result<Answered> Tour::Tourist::outcome(const std::string& invocation) {
  return get("/restate/invocation/" + invocation + "/attach");
}

// Sent twice under one key: before it begins, while it runs, or when it has ended.
bool Tour::Tourist::twice() {
  const std::uint64_t ms = below("tour.twice", 1500);
  const std::string nap = fmt::format("{} {}", ms, token_);
  const std::string later = below("tour.later", 3) == 0 ? "?delay=200ms" : "";
  const std::uint64_t retries_before = retries_;
  const auto first = call("/Sleeper/nap/send" + later, nap, token_);
  if (!first) return false;
  if (retries_ == retries_before) {
    ++tour_.sent_;
    tour_.told_fresh_ += first->body.find("\"Accepted\"") != std::string::npos;
  }
  for (int again = 0; again < 3; ++again) {
    if (!pause(milliseconds(again * ms))) return false;
    const auto repeated = call("/Sleeper/nap/send" + later, nap, token_);
    if (!repeated) return false;
    claim(repeated->status == 202 && repeated->invocation == first->invocation &&
              repeated->body.find("\"PreviouslyAccepted\"") != std::string::npos,
          "stable-answers", "twice",
          fmt::format("answered {} '{}', then {} '{}'", first->status, first->body,
                      repeated->status, repeated->body));
  }
  const auto same = call("/Sleeper/nap", nap, token_);
  if (!same) return false;
  expect(*same, "twice", token_);
  const auto by_name = get("/restate/invocation/Sleeper/nap/" + token_ + "/attach");
  return by_name && expect(*by_name, "twice", token_);
}

// A handler calls twice under one key, and so does a client: one effect, one answer for all.
bool Tour::Tourist::pair() {
  const std::string key = "pair-" + token_;
  const auto counted =
      call("/Fan/pair/send", fmt::format("Counter add {} {} {}", key, key, token_), token_);
  if (!counted) return false;
  const auto mine = call("/Counter/" + key + "/add", token_, key);
  if (!mine) return false;
  expect(*mine, "pair", "1");
  const auto theirs = outcome(counted->invocation);
  if (!theirs) return false;
  expect(*theirs, "pair", "1");
  const auto count = get_count(key);
  return count && claim(*count == "1", "exactly-once", "pair",
                        fmt::format("{} was counted {} times", key, *count));
}

// An operator is told that he stopped what was alive, it is over then, and he cannot again.
bool Tour::Tourist::stopped() {
  const auto sent = send_hour(token_);
  if (!sent || !pause(milliseconds(1500))) return false;
  const auto not_yet = get("/restate/invocation/" + sent->invocation + "/output");
  if (!not_yet) return false;
  if (tour_.clocks_jumped()) return !!administer(sent->invocation, "kill");  // it may have ended
  claim(not_yet->status == 470, "stable-answers", "stopped",
        fmt::format("before its end answered {} '{}'", not_yet->status, not_yet->body));
  const bool kill = below("tour.kill", 2) == 0;
  const std::string_view verb = kill ? "kill" : "cancel";
  const std::uint64_t retries_before = retries_;
  const auto told = administer(sent->invocation, verb);
  if (!told) return false;
  if (tour_.clocks_jumped()) return true;
  claim(retries_ != retries_before || told->status == (kill ? 200 : 202), "stable-answers",
        "stopped",
        fmt::format("a {} of what lives was answered {} '{}'", verb, told->status, told->body));
  const auto ended = outcome(sent->invocation);
  if (!ended) return false;
  expect_failure(*ended, "stopped", kill ? "killed" : "cancel");
  const auto again = administer(sent->invocation, verb);
  if (!again) return false;
  return claim(
      again->status == 409, "stable-answers", "stopped",
      fmt::format("a {} of what is over was answered {} '{}'", verb, again->status, again->body));
}

// Who called it, who asked for it by its key, and who asked for it by its id.
bool Tour::Tourist::mourn() {
  const std::string whom = token_ + "nap";
  const auto begun = send_hour(whom);
  if (!begun) return false;
  const auto caller = call("/Fan/pair/send",
                           fmt::format("Sleeper nap - {} {}{}", whom, an_hour_in_ms, whom), token_);
  if (!caller) return false;
  const auto by_key = call("/Fan/attach/send", "key " + whom, token_ + "key");
  if (!by_key) return false;
  const auto by_id = call("/Fan/attach/send", "id " + begun->invocation, token_ + "id");
  if (!by_id || !pause(milliseconds(1500))) return false;
  if (!administer(begun->invocation, "kill")) return false;
  for (const auto& one : {begun, caller, by_key, by_id}) {
    const auto heard = outcome(one->invocation);
    if (!heard) return false;
    if (!tour_.clocks_jumped()) expect_failure(*heard, "mourn", "killed");
  }
  return true;
}

// Three attempts, and then its failure is its outcome; or it is paused, and an operator lets
// it try three times more, until he has enough.
bool Tour::Tourist::hopeless() {
  const bool paused = below("tour.killed", 2) == 0;
  const auto sent = call(paused ? "/Hopeless/pause/send" : "/Hopeless/kill/send", token_, token_);
  if (!sent) return false;
  for (int times = 0; paused && times < 2; ++times) {
    if (!pause(milliseconds(2000)) || !administer(sent->invocation, "resume")) return false;
  }
  if (paused && !administer(sent->invocation, "kill")) return false;
  while (true) {
    const auto ended = ask(world_,
                           {.authority = some_ingress(),
                            .method = "GET",
                            .target = "/restate/invocation/" + sent->invocation + "/attach"},
                           in(tour_.options_.timeout));
    // Its failure may be one that else says: ask again.
    if (ended && ended->status / 100 != 2 && !ended->invocation.empty()) {
      const bool killed = ended->status == 409 && ended->body.find("killed") != std::string::npos;
      return claim(killed == paused, "stable-answers", "hopeless",
                   fmt::format("answered {} '{}'", ended->status, ended->body));
    }
    if (ended && ended->status / 100 == 2) {
      return claim(false, "stable-answers", "hopeless", "answered '" + ended->body + "'");
    }
    if (!pause_exactly(milliseconds(100))) return false;
  }
}

}  // namespace perdure::sim
