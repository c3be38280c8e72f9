#include "sim/cli/one_seed.h"

#include <iostream>

#include <fmt/format.h>

#include "sim/cli/report.h"
#include "sim/scenario_file.h"

namespace perdure::sim::cli {

Result<OneSeed> find_seed(const std::string& text, bool force) {
  if (!text.starts_with("S1-")) {
    TRY(plan, open_plan(text));
    if (!plan.seed) return fail(Code::invalid, text + ": not a token, and no schedule (no seed)");
    const Token token = {.build = build_id(), .scenario = plan.name, .seed = *plan.seed};
    return OneSeed{.token = token, .plan = std::move(plan)};
  }
  TRY(token, Token::from_text(text));
  TRY(plan, open_plan(token.scenario));
  if (token.build != build_id() && !force) {
    return fail(Code::invalid,
                fmt::format("the token is of build {}, this is {}; --force runs it anyway",
                            token.build, build_id()));
  }
  return OneSeed{.token = std::move(token), .plan = std::move(plan)};
}

std::string OneSeed::title() const {
  return fmt::format("{}: {}\nseed {}\n", plan.name, plan.story, token.seed);
}

Verdict OneSeed::run(Config config) const {
  config.seed = token.seed;
  return sim::run(plan, std::move(config));
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
  if (verdict.finding->check.starts_with("unknown.")) return inconclusive;
  return verdict.harness() ? harness_error : check_failed;
}

}  // namespace perdure::sim::cli
