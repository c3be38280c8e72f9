#include "sim/cli/one_seed.h"

#include <iostream>

#include <fmt/format.h>

#include "sim/cli/report.h"

namespace perdure::sim::cli {

Result<OneSeed> find_seed(const std::string& text, bool force) {
  TRY(token, Token::from_text(text));
  const Scenario* scenario = find_scenario(token.scenario);
  if (scenario == nullptr) return fail(Code::invalid, "no such scenario: " + token.scenario);
  if (token.build != build_id() && !force) {
    return fail(Code::invalid,
                fmt::format("the token is of build {}, this is {}; --force runs it anyway",
                            token.build, build_id()));
  }
  return OneSeed{.token = std::move(token), .scenario = scenario};
}

std::string OneSeed::title() const {
  return fmt::format("{}: {}\nseed {}\n", scenario->name, scenario->story, token.seed);
}

Verdict OneSeed::run(Config config) const {
  config.seed = token.seed;
  return scenario->run(config);
}

int print_verdict(const Verdict& verdict) {
  std::cout << fmt::format("drawn: {}\n{} events, {:.3f} simulated seconds, digest {}\n",
                           verdict.drawn, verdict.events, static_cast<double>(verdict.time) / 1e9,
                           verdict.digest);
  if (!verdict.finding) {
    std::cout << "passed\n1 passed, 0 failed\n";
    return all_passed;
  }
  std::cout << fmt::format("failed: {} ({})\n{}\n0 passed, 1 failed\n", verdict.finding->check,
                           verdict.finding->subject, verdict.finding->detail);
  return verdict.harness() ? harness_error : check_failed;
}

}  // namespace perdure::sim::cli
