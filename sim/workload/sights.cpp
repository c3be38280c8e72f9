// What a tourist sees of the server from outside: calls, sends, answers that are kept.
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "sim/handlers/handler.h"
#include "sim/workload/tourist.h"

namespace perdure::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

bool Tour::Tourist::count() {
  const std::string key = fmt::format("k{}", below("tour.count", 3));
  const std::uint64_t least = tour_.history_.answered_adds(key);
  const auto count = get_count(key);
  if (!count) return false;
  const std::uint64_t most = tour_.history_.sent_adds(key);
  const std::uint64_t value = number_of(*count);
  return claim(
      value >= least && value <= most, "stale-read", "count",
      fmt::format("{} stands at {}, between {} and {} are right", key, value, least, most));
}

bool Tour::Tourist::list() {
  const std::string key = fmt::format("k{}", below("tour.list", 3));
  const auto answered = tour_.history_.answered_appends(key);
  const auto items = call("/List/" + key + "/items", "", "");
  if (!items) return false;
  if (items->status != 200) return true;
  std::string& last = lists_[key];
  claim(items->body.starts_with(last), "stale-read", "list",
        fmt::format("{} was '{}' and is '{}'", key, last, items->body));
  last = items->body;
  const std::string all = "," + items->body + ",";
  for (const std::string& token : answered) {
    claim(all.find("," + token + ",") != all.npos, "stale-read", "list",
          fmt::format("{} was in {} before, and is not seen", token, key));
  }
  return true;
}

bool Tour::Tourist::later() {
  const Duration delay = milliseconds(50 + below("tour.delay", 4000));
  return send_later("later-" + token_, delay);
}

bool Tour::Tourist::hold() {
  const std::string key = shared_key("h");
  const std::uint64_t ms = below("tour.hold", 2500);
  const auto sent = call("/Map/" + key + "/hold/send", fmt::format("{} {}", ms, token_), token_);
  if (!sent) return false;
  if (!claim(sent->status == 202 && !sent->invocation.empty(), "stable-answers", "hold",
             fmt::format("answered {} '{}'", sent->status, sent->body)) ||
      sent->status != 202) {
    return true;
  }
  if (!pause(milliseconds(1500))) return false;
  static constexpr std::array verbs = {"cancel", "signal", "kill", "pause", ""};
  const std::string_view verb = verbs[below("tour.stop", verbs.size())];
  if (verb == "kill") tour_.journals_.excuse(sent->invocation);
  if (!stop(verb, sent->invocation)) return false;
  if (verb == "pause") {
    if (!pause(milliseconds(800))) return false;
    // One that had not begun could not be paused, nor can it be resumed.
    if (!administer(sent->invocation, "resume")) return false;
  }
  const auto outcome = outcome_of(sent->invocation, verb == "pause");
  if (!outcome) return false;
  const bool stopped = outcome->status == 409 || outcome->status == 404;
  const bool may_be_stopped = verb == "cancel" || verb == "signal" || verb == "kill";
  claim((outcome->status == 200 && outcome->body == token_) || (stopped && may_be_stopped),
        "stable-answers", "hold",
        fmt::format("after '{}' the outcome is {} '{}'", verb, outcome->status, outcome->body));
  // Who was stopped in the queue is not kept, and may be begun by a late duplicate.
  if (outcome->status == 404) return true;
  const auto again = get("/restate/invocation/" + sent->invocation + "/attach");
  if (!again) return false;
  // A signal may reach it after we asked, and stop it in the queue.
  if (verb == "signal" && stopped && again->status == 404) return true;
  return claim(again->status == outcome->status && again->body == outcome->body, "stable-answers",
               "hold",
               fmt::format("the outcome was {} '{}' and is {} '{}'", outcome->status, outcome->body,
                           again->status, again->body));
}

// By hand, or by a handler's signal, which is a cancel too.
bool Tour::Tourist::stop(std::string_view verb, const std::string& invocation) {
  if (verb.empty()) return true;
  if (verb != "signal") return !!administer(invocation, verb);
  const auto told = call("/Fan/stop", invocation, token_ + "stop");
  return told && expect(*told, "hold", invocation);
}

// A pause that was in doubt may come after the resume: then it is resumed again.
Result<Answered> Tour::Tourist::outcome_of(const std::string& invocation, bool may_be_paused) {
  const std::string target = "/restate/invocation/" + invocation + "/attach";
  if (!may_be_paused) return get(target);
  while (true) {
    auto answer = ask(world_, {.authority = some_ingress(), .method = "GET", .target = target},
                      in(seconds(5)));
    if (answer && !answer->is_for_now()) return answer;
    TRY_VOID(world_.fibers.sleep_until(in(milliseconds(100))));
    TRY(resumed, administer(invocation, "resume"));
    (void)resumed;
  }
}

bool Tour::Tourist::flow() {
  const std::string path = "/Flow/" + token_;
  const std::uint64_t retries_before = retries_;
  const auto begun = call(path + "/run/send", token_, "");
  if (!begun) return false;
  const bool early_look = below("tour.look", 2) == 0;
  if (early_look) {
    const auto look = call(path + "/look", "", "");
    if (!look) return false;
    expect(*look, "flow", "-");
  }
  std::vector<std::string> waiters;
  for (std::uint64_t n = below("tour.waiters", 3); n > 0; --n) {
    const auto waits = call(path + "/wait/send", "", fmt::format("wait{}{}", n, token_));
    if (!waits) return false;
    waiters.push_back(waits->invocation);
  }
  const bool breaks = below("tour.breaks", 4) == 0;
  const std::string value = (breaks ? "!" : "A") + token_;
  const auto told = [&](const Answered& outcome) {
    return breaks ? expect_failure(outcome, "flow", token_) : expect(outcome, "flow", value);
  };
  const auto first = call(path + "/go", value, "first" + token_);
  if (!first) return false;
  expect(*first, "flow", "first");
  const auto rival = call(path + "/go", "B" + token_, "second" + token_);
  if (!rival) return false;
  expect(*rival, "flow", "late");
  const auto outcome = get("/restate/workflow/Flow/" + token_ + "/attach");
  if (!outcome) return false;
  told(*outcome);
  for (const std::string& waiter : waiters) {
    const auto heard = get("/restate/invocation/" + waiter + "/attach");
    if (!heard) return false;
    told(*heard);
  }
  const auto again = call(path + "/run", token_, "");
  if (!again) return false;
  claim(again->status == 409, "exactly-once", "flow",
        fmt::format("a second run was answered {} '{}'", again->status, again->body));
  const auto look = call(path + "/look", "", "");
  if (!look) return false;
  expect(*look, "flow", breaks ? "-" : value);
  // A duplicate of what was in doubt would begin it anew.
  if (retries_ != retries_before || below("tour.purge", 2) == 0) return true;
  if (!administer(begun->invocation, "purge")) return false;
  const auto gone = call(path + "/look", "", "");
  return gone && expect(*gone, "flow", "-");
}

bool Tour::Tourist::map() {
  const std::string object = below("tour.lazy", 3) == 0 ? "LazyMap/" : "Map/";
  const std::string key = object + shared_key("m");
  static constexpr std::array names = {"a", "ab", "b"};
  const std::string name = names[below("tour.name", names.size())];
  const std::uint64_t which = below("tour.change", 10);
  const std::string change = which < 5   ? fmt::format("set {} {}", name, token_)
                             : which < 8 ? "clear " + name
                             : which < 9 ? "clear_all"
                                         : "look";
  const auto answer = call("/" + key + "/change", change, token_);
  if (!answer) return false;
  if (answer->status == 200) {
    tour_.model_.answered(key, change, answer->body);
    return true;
  }
  return claim(false, "stable-answers", "map",
               fmt::format("answered {} '{}'", answer->status, answer->body));
}

bool Tour::Tourist::fan() {
  const std::uint64_t width = 2 + below("tour.width", 4);
  const auto answer = call("/Fan/all", fmt::format("{} {}", width, token_), token_);
  if (!answer) return false;
  std::string expected;
  for (std::uint64_t n = 1; n <= width; ++n) expected += fmt::format("{},", n);
  if (answer->status == 200 && answer->body != expected) {
    return claim(false, "exactly-once", "fan",
                 fmt::format("answered '{}', not '{}'", answer->body, expected));
  }
  return expect(*answer, "fan", expected);
}

bool Tour::Tourist::failing() {
  const auto answer = call("/Fan/failing", token_, token_);
  if (!answer) return false;
  const bool right = answer->status == 409 && answer->body.find(token_) != std::string::npos;
  claim(right, "stable-answers", "failing",
        fmt::format("answered {} '{}'", answer->status, answer->body));
  const auto again = call("/Fan/failing", token_, token_);
  if (!again) return false;
  return claim(again->status == answer->status && again->body == answer->body, "stable-answers",
               "failing", fmt::format("answered '{}', then '{}'", answer->body, again->body));
}

bool Tour::Tourist::big() {
  std::string text = token_;
  const std::uint64_t size = 1000 + below("tour.size", 20'000);
  for (std::uint64_t n = 0; text.size() < size; ++n) text += fmt::format(".{}", n * 7919);
  const auto answer = call("/Echo/echo", text, token_);
  return answer && expect(*answer, "big", text);
}

bool Tour::Tourist::steps() {
  const std::uint64_t count = 3 + below("tour.steps", 8);
  const std::uint64_t bytes = below("tour.bytes", 10'000);
  const std::uint64_t retries_before = retries_;
  const auto answer = call("/Loop/steps", fmt::format("{} {} {}", count, bytes, token_), token_);
  if (!answer) return false;
  expect(*answer, "steps", fmt::format("{} {}", token_, count));
  // A duplicate of what was in doubt would begin it anew.
  if (retries_ != retries_before || below("tour.purge", 2) == 0) return true;
  return !!administer(answer->invocation, "purge");
}

bool Tour::Tourist::race() {
  const Nanos begin = tour_.now();
  const std::uint64_t ms = 100 + below("tour.race", 2000);
  const auto answer = call("/Fan/race", fmt::format("{} {}", ms, token_), token_);
  if (!answer) return false;
  if (tour_.clocks_are_right()) {
    claim(tour_.now() + clock_tolerance >= begin + ms * 1'000'000, "timer-early", "race",
          fmt::format("{} ms were over after {} ms", ms, (tour_.now() - begin) / 1'000'000));
  }
  return expect(*answer, "race", token_);
}

bool Tour::Tourist::forget() {
  const std::string path = "/Counter/forget-" + token_ + "/add";
  const std::uint64_t retries_before = retries_;
  const auto first = call(path, token_, token_);
  if (!first) return false;
  expect(*first, "forget", "1");
  const auto same = call(path, token_, token_);
  if (!same) return false;
  expect(*same, "forget", "1");
  if (!administer(first->invocation, "purge")) return false;
  tour_.journals_.forget(first->invocation);
  const auto anew = call(path, token_, token_);
  if (!anew) return false;
  // A duplicate of what was in doubt may come after the purge, and is new then.
  if (retries_ != retries_before) return true;
  return expect(*anew, "forget", "2");
}

bool Tour::Tourist::output() {
  // Of a header, or of the body.
  const std::string handler = below("tour.header", 2) == 0 ? "Fan/header" : "Echo/echo";
  const auto answer = call("/" + handler, token_, token_);
  if (!answer) return false;
  expect(*answer, "output", token_);
  const auto again = get("/restate/invocation/" + handler + "/" + token_ + "/output");
  if (!again) return false;
  expect(*again, "output", token_);
  return claim(answer->invocation == again->invocation, "stable-answers", "output",
               fmt::format("{} is {} and {}", token_, answer->invocation, again->invocation));
}

// Known for `fleeting_retention`, then begun anew.
bool Tour::Tourist::fleeting() {
  const std::string path = "/Fleeting/" + token_ + "/add";
  const std::uint64_t retries_before = retries_;
  const Nanos begin = tour_.now();
  const auto first = call(path, token_, token_);
  if (!first) return false;
  // What is tried again may be tried when it was forgotten already.
  if (retries_ != retries_before || !tour_.clocks_are_right()) return true;
  expect(*first, "fleeting", "1");
  const auto same = call(path, token_, token_);
  if (!same) return false;
  const Nanos kept = nanos(fleeting_retention) - clock_tolerance;
  if (tour_.now() < begin + kept) expect(*same, "fleeting", "1");
  if (same->body != "1" || !pause_exactly(fleeting_retention + milliseconds(100))) return true;
  const auto anew = call(path, token_, token_);
  if (!anew) return false;
  if (retries_ != retries_before) return true;
  return expect(*anew, "fleeting", "2");
}

// Called off before its time: not even by mistake.
bool Tour::Tourist::never() {
  const std::string key = "never-" + token_;
  std::uint64_t retries_before = retries_;
  const auto sent = call("/Counter/" + key + "/add/send?delay=1h", token_, token_);
  if (!sent) return false;
  const std::uint64_t retries_of_sending = retries_ - retries_before;
  claim(sent->status == 202, "stable-answers", "never", fmt::format("answered {}", sent->status));
  // Who only looks does not wait for it.
  const auto look = call("/Fan/peek", "id " + sent->invocation, token_ + "peek");
  if (!look) return false;
  if (!tour_.clocks_jumped()) expect(*look, "never", "");
  retries_before = retries_ - retries_of_sending;
  const bool kill = below("tour.kill", 2) == 0;
  const auto stopped = administer(sent->invocation, kill ? "kill" : "cancel");
  if (!stopped) return false;
  tour_.called_off_.push_back(sent->invocation);
  // A duplicate of what was in doubt is new after it was called off.
  if (retries_ != retries_before || tour_.clocks_jumped()) return true;
  tour_.never_.push_back(key);
  const auto gone = get("/restate/invocation/" + sent->invocation + "/output");
  return gone && claim(retries_ != retries_before || gone->status == 404, "stable-answers", "never",
                       fmt::format("what was called off is {} '{}'", gone->status, gone->body));
}

}  // namespace perdure::sim
