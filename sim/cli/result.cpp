#include "sim/cli/result.h"

#include <nlohmann/json.hpp>

namespace perdure::sim::cli {

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed: return "passed";
    case Outcome::failed: return "failed";
    case Outcome::harness: return "harness";
    case Outcome::nondeterminism: return "nondeterminism";
  }
  return "?";
}

SeedResult result_of(std::uint64_t seed, const Verdict& verdict) {
  SeedResult result = {.seed = seed,
                       .digest = verdict.digest,
                       .drawn = verdict.drawn,
                       .events = verdict.events,
                       .sim_ms = verdict.time / millisecond,
                       .marks = {verdict.marks.begin(), verdict.marks.end()}};
  if (verdict.finding) {
    result.outcome = verdict.harness() ? Outcome::harness : Outcome::failed;
    result.check = verdict.finding->check;
    result.subject = verdict.finding->subject;
    result.detail = verdict.finding->detail;
  }
  return result;
}

std::string to_json(const SeedResult& result) {
  nlohmann::ordered_json json = {{"seed", result.seed},       {"outcome", name_of(result.outcome)},
                                 {"events", result.events},   {"sim_ms", result.sim_ms},
                                 {"wall_us", result.wall_us}, {"digest", result.digest},
                                 {"drawn", result.drawn},     {"marks", result.marks}};
  if (result.outcome != Outcome::passed) {
    json["check"] = result.check;
    json["subject"] = result.subject;
    json["detail"] = result.detail;
  }
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Result<SeedResult> from_json(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("seed")) return fail(Code::invalid, "not a result");
  SeedResult result = {.seed = json["seed"],
                       .check = json.value("check", ""),
                       .subject = json.value("subject", ""),
                       .detail = json.value("detail", ""),
                       .digest = json.value("digest", ""),
                       .drawn = json.value("drawn", ""),
                       .events = json.value("events", std::uint64_t{0}),
                       .sim_ms = json.value("sim_ms", std::uint64_t{0}),
                       .wall_us = json.value("wall_us", std::uint64_t{0}),
                       .marks = json.value("marks", std::map<std::string, std::uint64_t>())};
  const std::string outcome = json.value("outcome", "");
  for (const Outcome each :
       {Outcome::passed, Outcome::failed, Outcome::harness, Outcome::nondeterminism}) {
    if (outcome == name_of(each)) result.outcome = each;
  }
  return result;
}

}  // namespace perdure::sim::cli
