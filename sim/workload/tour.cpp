#include "sim/workload/tour.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/io/fibers.h"
#include "engine/io/random.h"
#include "sim/workload/requests.h"
#include "sim/world/guests.h"

namespace perdure::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// What milliseconds round away.
constexpr Nanos clock_tolerance = 2'000'000;
// A probe in fair weather: beyond its own time, and with handlers that misbehave.
// Less than the minute for which whoever waits for a far timer sleeps at most.
constexpr Duration probe_patience = seconds(40);
constexpr Duration far_away = seconds(70);

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

// One of them, in one fiber; a false or an error says that its process ends.
class Tour::Tourist {
 public:
  Tourist(Tour& tour, io::World& world, std::uint32_t number)
      : tour_(tour), world_(world), number_(number) {}

  void walk() {
    static constexpr std::array sights = {
        &Tourist::count, &Tourist::list,  &Tourist::later, &Tourist::hold,   &Tourist::hold,
        &Tourist::flow,  &Tourist::map,   &Tourist::map,   &Tourist::fan,    &Tourist::failing,
        &Tourist::big,   &Tourist::steps, &Tourist::race,  &Tourist::forget, &Tourist::output};
    for (std::uint32_t n = 1; n <= tour_.options_.sights; ++n) {
      token_ = fmt::format("t{}-{}", number_, n);
      const auto sight = sights[below("tour.sight", sights.size())];
      if (!pause(tour_.options_.gap)) return;
      if (!tour_.experiment_.skipped(token_) && !(this->*sight)()) return;
    }
    --tour_.walking_;
  }

  // Timers far away and near, of which the near ones must not wait for the far ones.
  void probe() {
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

  void read() {
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
    tour_.read_ = true;
  }

 private:
  Instant in(Duration span) const { return world_.fibers.now() + span; }
  std::uint64_t below(std::string_view what, std::uint64_t n) {
    return world_.random.below(what, n);
  }
  bool pause_exactly(Duration span) { return !!world_.fibers.sleep_until(in(span)); }
  bool pause(Duration at_most) {
    const auto most = static_cast<std::uint64_t>(at_most.count());
    return pause_exactly(Duration(static_cast<Duration::rep>(below("tour.pause", most + 1))));
  }
  std::string shared_key(std::string_view prefix) {
    return fmt::format("{}{}", prefix, below("tour.key", tour_.options_.keys));
  }

  // --- asking ---

  // Until there is an answer that stands.
  Result<Answered> until_answered(const Asked& asked) {
    while (true) {
      auto answer = ask(world_, asked, in(tour_.options_.timeout));
      if (answer && !answer->is_for_now()) return answer;
      ++retries_;
      TRY_VOID(world_.fibers.sleep_until(in(milliseconds(20 + below("tour.again", 400)))));
    }
  }
  Asked call_of(std::string target, std::string body, const std::string& key) const {
    io::Headers headers = {{"content-type", "text/plain"}};
    if (!key.empty()) headers.push_back({"idempotency-key", key});
    return {.authority = tour_.options_.ingress,
            .method = "POST",
            .target = std::move(target),
            .headers = std::move(headers),
            .body = std::move(body)};
  }
  Result<Answered> call(std::string target, std::string body, const std::string& key) {
    return until_answered(call_of(std::move(target), std::move(body), key));
  }
  Result<Answered> get(std::string target) {
    return until_answered(
        {.authority = tour_.options_.ingress, .method = "GET", .target = std::move(target)});
  }
  Result<Answered> administer(const std::string& invocation, std::string_view verb) {
    return until_answered({.authority = tour_.options_.admin,
                           .method = "PATCH",
                           .target = fmt::format("/invocations/{}/{}", invocation, verb)});
  }
  Result<std::string> get_count(const std::string& key) {
    while (true) {
      TRY(answer, call("/Counter/" + key + "/get", "", ""));
      if (answer.status == 200) return std::move(answer.body);
      TRY_VOID(world_.fibers.sleep_until(in(milliseconds(100))));
    }
  }

  bool claim(bool holds, std::string_view check, std::string_view subject, std::string detail) {
    if (!holds) tour_.report(check, subject, token_ + ": " + detail);
    return true;
  }
  bool expect(const Answered& answer, std::string_view subject, std::string_view body) {
    return claim(answer.status == 200 && answer.body == body, "stable-answers", subject,
                 fmt::format("answered {} '{}', not '{}'", answer.status,
                             answer.body.substr(0, 200), body.substr(0, 200)));
  }

  // --- sights ---

  bool count() {
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

  bool list() {
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

  bool later() {
    const Duration delay = milliseconds(50 + below("tour.delay", 4000));
    return send_later("later-" + token_, delay);
  }

  // To Counter, once, after that time.
  bool send_later(const std::string& key, Duration delay) {
    const auto ms = std::chrono::duration_cast<milliseconds>(delay).count();
    if (tour_.clocks_are_right()) {
      const Nanos earliest = tour_.now() + nanos(delay);
      tour_.journals_.not_before("Counter/" + key + "/add", earliest - clock_tolerance);
    }
    const auto sent =
        call(fmt::format("/Counter/{}/add/send?delay={}ms", key, ms), token_, token_ + key);
    if (!sent) return false;
    claim(sent->status == 202, "stable-answers", "later", fmt::format("answered {}", sent->status));
    if (sent->status == 202) tour_.once_.push_back(key);
    return true;
  }

  bool hold() {
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
    static constexpr std::array verbs = {"cancel", "cancel", "kill", "pause", ""};
    const std::string_view verb = verbs[below("tour.stop", verbs.size())];
    if (verb == "kill") tour_.journals_.excuse(sent->invocation);
    if (!verb.empty() && !administer(sent->invocation, verb)) return false;
    if (verb == "pause") {
      if (!pause(milliseconds(800))) return false;
      // One that had not begun could not be paused, nor can it be resumed.
      if (!administer(sent->invocation, "resume")) return false;
    }
    const auto outcome = outcome_of(sent->invocation, verb == "pause");
    if (!outcome) return false;
    const bool stopped = outcome->status == 409 || outcome->status == 404;
    const bool may_be_stopped = verb == "cancel" || verb == "kill";
    claim((outcome->status == 200 && outcome->body == token_) || (stopped && may_be_stopped),
          "stable-answers", "hold",
          fmt::format("after '{}' the outcome is {} '{}'", verb, outcome->status, outcome->body));
    // Who was stopped in the queue is not kept, and may be begun by a late duplicate.
    if (outcome->status == 404) return true;
    const auto again = get("/restate/invocation/" + sent->invocation + "/attach");
    if (!again) return false;
    return claim(again->status == outcome->status && again->body == outcome->body, "stable-answers",
                 "hold",
                 fmt::format("the outcome was {} '{}' and is {} '{}'", outcome->status,
                             outcome->body, again->status, again->body));
  }

  // A pause that was in doubt may come after the resume: then it is resumed again.
  Result<Answered> outcome_of(const std::string& invocation, bool may_be_paused) {
    const std::string target = "/restate/invocation/" + invocation + "/attach";
    if (!may_be_paused) return get(target);
    while (true) {
      auto answer =
          ask(world_, {.authority = tour_.options_.ingress, .method = "GET", .target = target},
              in(seconds(5)));
      if (answer && !answer->is_for_now()) return answer;
      TRY_VOID(world_.fibers.sleep_until(in(milliseconds(100))));
      TRY(resumed, administer(invocation, "resume"));
      (void)resumed;
    }
  }

  bool flow() {
    const std::string path = "/Flow/" + token_;
    const auto begun = call(path + "/run/send", token_, "");
    if (!begun) return false;
    const bool early_look = below("tour.look", 2) == 0;
    if (early_look) {
      const auto look = call(path + "/look", "", "");
      if (!look) return false;
      expect(*look, "flow", "-");
    }
    const auto first = call(path + "/go", "A" + token_, "first" + token_);
    if (!first) return false;
    expect(*first, "flow", "first");
    const auto rival = call(path + "/go", "B" + token_, "second" + token_);
    if (!rival) return false;
    expect(*rival, "flow", "late");
    const auto outcome = get("/restate/workflow/Flow/" + token_ + "/attach");
    if (!outcome) return false;
    expect(*outcome, "flow", "A" + token_);
    const auto again = call(path + "/run", token_, "");
    if (!again) return false;
    claim(again->status == 409, "exactly-once", "flow",
          fmt::format("a second run was answered {} '{}'", again->status, again->body));
    const auto look = call(path + "/look", "", "");
    if (!look) return false;
    return expect(*look, "flow", "A" + token_);
  }

  bool map() {
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

  bool fan() {
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

  bool failing() {
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

  bool big() {
    std::string text = token_;
    const std::uint64_t size = 1000 + below("tour.size", 20'000);
    for (std::uint64_t n = 0; text.size() < size; ++n) text += fmt::format(".{}", n * 7919);
    const auto answer = call("/Echo/echo", text, token_);
    return answer && expect(*answer, "big", text);
  }

  bool steps() {
    const std::uint64_t count = 3 + below("tour.steps", 8);
    const std::uint64_t bytes = below("tour.bytes", 5000);
    const auto answer = call("/Loop/steps", fmt::format("{} {} {}", count, bytes, token_), token_);
    return answer && expect(*answer, "steps", fmt::format("{} {}", token_, count));
  }

  bool race() {
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

  bool forget() {
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

  bool output() {
    const auto answer = call("/Echo/echo", token_, token_);
    if (!answer) return false;
    expect(*answer, "output", token_);
    const auto again = get("/restate/invocation/Echo/echo/" + token_ + "/output");
    if (!again) return false;
    expect(*again, "output", token_);
    return claim(answer->invocation == again->invocation, "stable-answers", "output",
                 fmt::format("{} is {} and {}", token_, answer->invocation, again->invocation));
  }

  // --- probes ---

  bool once_within(const std::string& key, Nanos begin, Duration delay) {
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
  bool nap(Duration span) {
    const Nanos begin = tour_.now();
    const auto ms = std::chrono::duration_cast<milliseconds>(span).count();
    const auto answer = call("/Sleeper/nap", fmt::format("{} {}", ms, token_), token_ + "nap");
    if (!answer) return false;
    expect(*answer, "nap", token_);
    const Nanos took = tour_.now() - begin;
    return claim(took <= nanos(span + probe_patience), "timer-late", "nap",
                 fmt::format("{} ms took {} ms", ms, took / 1'000'000));
  }

  bool echo_promptly() {
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

  Tour& tour_;
  io::World& world_;
  const std::uint32_t number_;
  std::string token_;
  std::uint64_t retries_ = 0;
  std::map<std::string, std::string> lists_;  // as last seen
};

TourOptions tour_options(Experiment& experiment) {
  TourOptions options;
  const auto number = [&](const std::string& name, std::uint32_t otherwise) {
    return static_cast<std::uint32_t>(experiment.setting("tour." + name, otherwise));
  };
  options.tourists = number("tourists", options.tourists);
  options.sights = number("sights", options.sights);
  options.keys = std::max(number("keys", options.keys), 1u);
  return options;
}

Tour::Tour(Experiment& experiment, TourOptions options, const History& history, Journals& journals)
    : experiment_(experiment),
      options_(std::move(options)),
      history_(history),
      journals_(journals),
      model_([this](Finding finding) { experiment_.report(std::move(finding)); }) {}

Tour::~Tour() = default;

void Tour::report(std::string_view check, std::string_view subject, std::string detail) {
  experiment_.report(
      {.check = std::string(check), .subject = std::string(subject), .detail = std::move(detail)});
}

// Whether time on every host is the time of the world.
bool Tour::clocks_are_right() const {
  return !experiment_.swarm().has(faults::Kind::clock_step) &&
         !experiment_.swarm().has(faults::Kind::clock_offset) &&
         !experiment_.swarm().has(faults::Kind::clock_drift) && !clocks_jumped();
}

bool Tour::clocks_jumped() const {
  return experiment_.universe().host(options_.node).clocks().stepped();
}

void Tour::start() {
  walking_ = options_.tourists;
  for (std::uint32_t i = 1; i <= options_.tourists; ++i) {
    experiment_.universe()
        .add_host({.name = fmt::format("tourist{}", i), .helper = true})
        .start(on_shard_0([this, i](io::World& world) { Tourist(*this, world, i).walk(); }));
  }
}

void Tour::start_probing() {
  constexpr std::uint32_t probes = 3;
  probing_ = probes;
  for (std::uint32_t i = 1; i <= probes; ++i) {
    experiment_.universe()
        .add_host({.name = fmt::format("probe{}", i), .helper = true})
        .start(on_shard_0([this, i](io::World& world) { Tourist(*this, world, i).probe(); }));
  }
}

void Tour::start_reading() {
  experiment_.universe()
      .add_host({.name = "guide", .helper = true})
      .start(on_shard_0([this](io::World& world) { Tourist(*this, world, 0).read(); }));
}

}  // namespace perdure::sim
