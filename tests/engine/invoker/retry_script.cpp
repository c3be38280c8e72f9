// Drives one RetryState from text.  Verbs:
//   policy initial=500 factor=2000 interval=60000 attempts=70|none on=pause|kill
//   fails delay=MS wish=pause|fail counted=no times=N
//   progressed
#include "engine/invoker/retry.h"

#include "engine/base/match.h"
#include "tests/support/script.h"

namespace perdure::invoker {
namespace {

using std::chrono::milliseconds;

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    if (c.verb == "policy") return policy(c);
    if (c.verb == "progressed") {
      state_.progressed();
      return "failures " + std::to_string(state_.failures()) + "\n";
    }
    if (c.verb != "fails") return "no such verb: " + c.verb + "\n";
    std::string answer;
    const int times = c.fields.contains("times") ? std::stoi(c.fields.at("times")) : 1;
    for (int i = 0; i < times; ++i) answer = fails(c);
    return answer;
  }

 private:
  std::string policy(const tests::Command& c) {
    const auto number = [&](const char* name, long otherwise) {
      const auto found = c.fields.find(name);
      return found == c.fields.end() ? otherwise : std::stol(found->second);
    };
    options_.retry_initial_interval = milliseconds(number("initial", 500));
    options_.retry_max_interval = milliseconds(number("interval", 60'000));
    options_.retry_factor_milli = static_cast<std::uint64_t>(number("factor", 2000));
    options_.retry_max_attempts = static_cast<std::uint64_t>(70);
    if (c.fields.contains("attempts")) {
      options_.retry_max_attempts.reset();
      if (c.fields.at("attempts") != "none")
        options_.retry_max_attempts = std::stoull(c.fields.at("attempts"));
    }
    const bool kills = c.fields.contains("on") && c.fields.at("on") == "kill";
    options_.retry_on_max_attempts = kills ? wire::OnMaxAttempts::kill : wire::OnMaxAttempts::pause;
    state_ = RetryState(Instant());
    return "ok\n";
  }

  std::string fails(const tests::Command& c) {
    AttemptFailure why = failure("RT0007", "boom");
    if (c.fields.contains("delay"))
      why.next_retry_delay = milliseconds(std::stol(c.fields.at("delay")));
    if (c.fields.contains("counted")) why.counted = false;
    if (c.fields.contains("wish")) {
      why.behavior =
          c.fields.at("wish") == "pause" ? wire::ErrorBehavior::pause : wire::ErrorBehavior::fail;
    }
    const std::string decision = match(
        state_.failed(why, options_),
        [](const RetryAfter& again) {
          return "again in " + std::to_string(again.delay.count()) + " ms";
        },
        [](const PauseNow&) { return std::string("pause"); },
        [](const FailNow&) { return std::string("fail"); });
    return decision + ", failures " + std::to_string(state_.failures()) + "\n";
  }

  wire::EffectiveOptions options_;
  RetryState state_{Instant()};
};

}  // namespace
}  // namespace perdure::invoker

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::invoker::Bench());
}
