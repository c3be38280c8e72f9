#include "sim/workload/tourist.h"

#include <fmt/format.h>

#include <array>

#include "engine/io/fibers.h"
#include "engine/io/random.h"

namespace perdure::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// A probe in fair weather: beyond its own time, and with handlers that misbehave.
// Less than the minute for which whoever waits for a far timer sleeps at most.
constexpr Duration probe_patience = seconds(40);
constexpr Duration far_away = seconds(70);

}  // namespace

void Tour::Tourist::walk() {
  static constexpr std::array sights = {
      &Tourist::count,    &Tourist::list,   &Tourist::later,   &Tourist::hold,
      &Tourist::hold,     &Tourist::flow,   &Tourist::flow,    &Tourist::map,
      &Tourist::map,      &Tourist::fan,    &Tourist::big,     &Tourist::steps,
      &Tourist::failing,  &Tourist::forget, &Tourist::output,  &Tourist::race,
      &Tourist::fleeting, &Tourist::never,  &Tourist::errand,  &Tourist::attach,
      &Tourist::family,   &Tourist::meet,   &Tourist::patch,   &Tourist::twice,
      &Tourist::pair,     &Tourist::mourn,  &Tourist::stopped, &Tourist::hopeless,
      &Tourist::restart,  &Tourist::breath};
  for (std::uint32_t n = 1; n <= tour_.options_.sights; ++n) {
    token_ = fmt::format("t{}-{}", number_, n);
    const auto sight = sights[below("tour.sight", sights.size())];
    if (!pause(tour_.options_.gap)) return;
    if (!tour_.experiment_.skipped(token_) && !(this->*sight)()) return;
  }
  --tour_.walking_;
}

void Tour::Tourist::probe() {
  token_ = fmt::format("probe{}", number_);
  const std::string far = "far-" + token_, near = "near-" + token_;
  if (!send_later(far, far_away) || !send_later(near, milliseconds(300))) return;
  const Nanos begin = tour_.now();
  if (!once_within(near, begin, milliseconds(300))) return;
  if (!nap(milliseconds(200 + below("tour.nap", 800)))) return;
  if (!echo_promptly()) return;
  if (!once_within(far, begin, far_away)) return;
  --tour_.probing_;
}

void Tour::Tourist::read() {
  for (const std::string& key : tour_.once_) {
    Result<std::string> count = fail(Code::retry_later, "");
    for (int patience = 100; patience > 0; --patience) {
      count = get_count(key);
      if (!count) return;
      if (*count != "0") break;
      if (!pause_exactly(milliseconds(300))) return;
    }
    if (*count == "1") continue;
    // What is due by a clock that was minutes ahead is due long after it is set right.
    if (*count == "0" && tour_.clocks_jumped()) continue;
    tour_.report(*count == "0" ? "acked-is-durable" : "exactly-once", "later",
                 fmt::format("{} was accepted once, and happened {} times", key, *count));
  }
  for (const std::string& key : tour_.never_) {
    const auto count = get_count(key);
    if (!count) return;
    if (*count == "0" || tour_.clocks_jumped()) continue;
    tour_.report("nothing-invented", "never",
                 fmt::format("{} was called off, and happened {} times", key, *count));
  }
  constexpr std::uint64_t enough = 8;
  if (tour_.sent_ >= enough && tour_.told_fresh_ == 0) {
    tour_.report("stable-answers", "twice",
                 fmt::format("of {} that were new none was called so", tour_.sent_));
  }
  for (const std::string& invocation : tour_.called_off_) {
    if (!administer(invocation, "kill")) return;
  }
  tour_.read_ = true;
}

// --- asking ---

Instant Tour::Tourist::in(Duration span) const { return world_.fibers.now() + span; }

std::uint64_t Tour::Tourist::below(std::string_view what, std::uint64_t n) {
  return world_.random.below(what, n);
}

bool Tour::Tourist::pause_exactly(Duration span) { return !!world_.fibers.sleep_until(in(span)); }

bool Tour::Tourist::pause(Duration at_most) {
  const auto most = static_cast<std::uint64_t>(at_most.count());
  return pause_exactly(Duration(static_cast<Duration::rep>(below("tour.pause", most + 1))));
}

std::string Tour::Tourist::shared_key(std::string_view prefix) {
  return fmt::format("{}{}", prefix, below("tour.key", tour_.options_.keys));
}

const std::string& Tour::Tourist::some_node() {
  const auto& nodes = tour_.options_.nodes;
  return nodes.size() == 1 ? nodes.front() : nodes[below("tour.node", nodes.size())];
}

Result<Answered> Tour::Tourist::until_answered(Asked asked, bool of_operator) {
  while (true) {
    asked.authority = of_operator ? some_admin() : some_ingress();
    asked.version = version_;
    auto answer = ask(world_, asked, in(tour_.options_.timeout));
    if (answer && !answer->is_for_now()) return answer;
    ++retries_;
    TRY_VOID(world_.fibers.sleep_until(in(milliseconds(20 + below("tour.again", 400)))));
  }
}

Asked Tour::Tourist::call_of(std::string target, std::string body, const std::string& key) const {
  io::Headers headers = {{"content-type", "text/plain"}, {"x-tour", token_}};
  if (!key.empty()) headers.push_back({"idempotency-key", key});
  return {.method = "POST",
          .target = std::move(target),
          .headers = std::move(headers),
          .body = std::move(body)};
}

Result<Answered> Tour::Tourist::call(std::string target, std::string body, const std::string& key) {
  return until_answered(call_of(std::move(target), std::move(body), key));
}

Result<Answered> Tour::Tourist::get(std::string target) {
  return until_answered({.method = "GET", .target = std::move(target)});
}

Result<Answered> Tour::Tourist::administer(const std::string& invocation, std::string_view verb) {
  return until_answered(
      {.method = "PATCH", .target = fmt::format("/invocations/{}/{}", invocation, verb)},
      /*of_operator=*/true);
}

Result<Answered> Tour::Tourist::patch_state(std::string_view service, std::string body) {
  return until_answered({.method = "POST",
                         .target = fmt::format("/services/{}/state", service),
                         .headers = {{"content-type", "application/json"}},
                         .body = std::move(body)},
                        /*of_operator=*/true);
}

Result<std::string> Tour::Tourist::get_count(const std::string& key) {
  while (true) {
    TRY(answer, call("/Counter/" + key + "/get", "", ""));
    if (answer.status == 200) return std::move(answer.body);
    TRY_VOID(world_.fibers.sleep_until(in(milliseconds(100))));
  }
}

bool Tour::Tourist::claim(bool holds, std::string_view check, std::string_view subject,
                          std::string detail) {
  if (!holds) tour_.report(check, subject, token_ + ": " + detail);
  return true;
}

bool Tour::Tourist::expect(const Answered& answer, std::string_view subject,
                           std::string_view body) {
  return claim(answer.status == 200 && answer.body == body, "stable-answers", subject,
               fmt::format("answered {} '{}', not '{}'", answer.status, answer.body.substr(0, 200),
                           body.substr(0, 200)));
}

bool Tour::Tourist::expect_failure(const Answered& answer, std::string_view subject,
                                   std::string_view with) {
  return claim(answer.status == 409 && answer.body.find(with) != std::string::npos,
               "stable-answers", subject,
               fmt::format("answered {} '{}', not a failure with '{}'", answer.status,
                           answer.body.substr(0, 200), with));
}

bool Tour::Tourist::send_later(const std::string& key, Duration delay) {
  const auto ms = std::chrono::duration_cast<milliseconds>(delay).count();
  happens_once_after(key, delay);
  const auto sent =
      call(fmt::format("/Counter/{}/add/send?delay={}ms", key, ms), token_, token_ + key);
  if (!sent) return false;
  return claim(sent->status == 202, "stable-answers", "later",
               fmt::format("answered {}", sent->status));
}

// From now on: who is told so asks for it next, until he is answered.
void Tour::Tourist::happens_once_after(const std::string& key, Duration delay) {
  tour_.once_.push_back(key);
  if (!tour_.clocks_are_right()) return;
  const Nanos earliest = tour_.now() + nanos(delay);
  tour_.journals_.not_before("Counter/" + key + "/add", earliest - clock_tolerance);
}

// --- probes ---

bool Tour::Tourist::once_within(const std::string& key, Nanos begin, Duration delay) {
  const Nanos due = begin + nanos(delay), latest = due + nanos(probe_patience);
  while (true) {
    const auto count = get_count(key);
    if (!count) return false;
    if (*count != "0") break;
    if (tour_.now() > latest) {
      return claim(false, "timer-late", "later",
                   fmt::format("{} was due {} ms ago", key, (tour_.now() - due) / 1'000'000));
    }
    if (!pause_exactly(milliseconds(500))) return false;
  }
  return true;
}

bool Tour::Tourist::nap(Duration span) {
  const Nanos begin = tour_.now();
  const auto ms = std::chrono::duration_cast<milliseconds>(span).count();
  const auto answer = call("/Sleeper/nap", fmt::format("{} {}", ms, token_), token_ + "nap");
  if (!answer) return false;
  expect(*answer, "nap", token_);
  const Nanos took = tour_.now() - begin;
  return claim(took <= nanos(span + probe_patience), "timer-late", "nap",
               fmt::format("{} ms took {} ms", ms, took / 1'000'000));
}

bool Tour::Tourist::echo_promptly() {
  for (int n = 0; n < 4; ++n) {
    const Nanos begin = tour_.now();
    const std::string text = fmt::format("{}-{}", token_, n);
    const auto answer = call("/Echo/echo", text, text);
    if (!answer) return false;
    expect(*answer, "echo", text);
    const Nanos took = tour_.now() - begin;
    claim(took <= nanos(probe_patience), "liveness.slow", "echo",
          fmt::format("in fair weather an echo took {} ms", took / 1'000'000));
  }
  return true;
}

}  // namespace perdure::sim
