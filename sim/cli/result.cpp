#include "sim/cli/result.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <csignal>
#include <nlohmann/json.hpp>

namespace perdure::sim::cli {

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed: return "passed";
    case Outcome::failed: return "failed";
    case Outcome::harness: return "harness";
    case Outcome::nondeterminism: return "nondeterminism";
    case Outcome::unknown: return "unknown";
  }
  return "?";
}

SeedResult result_of(std::uint64_t seed, const Verdict& verdict, bool with_blocks) {
  SeedResult result = {.seed = seed,
                       .digest = verdict.digest,
                       .drawn = verdict.drawn,
                       .events = verdict.events,
                       .sim_ms = verdict.time / millisecond,
                       .marks = {verdict.marks.begin(), verdict.marks.end()}};
  if (with_blocks) {
    for (const Digest::Value& block : verdict.digest_blocks) {
      result.blocks += fmt::format("{:016x}", block[0] ^ block[1]);
    }
  }
  if (verdict.finding) {
    result.outcome = verdict.harness()                                ? Outcome::harness
                     : verdict.finding->check.starts_with("unknown.") ? Outcome::unknown
                                                                      : Outcome::failed;
    result.check = verdict.finding->check;
    result.subject = verdict.finding->subject;
    result.detail = verdict.finding->detail;
  }
  return result;
}

SeedResult result_of_death(std::uint64_t seed, int status, const std::string& words) {
  const bool out_of_time = WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU;
  SeedResult result = {.seed = seed,
                       .outcome = Outcome::harness,
                       .check = out_of_time ? "harness.timeout" : "harness.crash",
                       .subject = "process"};
  result.detail = (out_of_time           ? std::string("used up its processor time")
                   : WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status))
                                         : "exited with " + std::to_string(WEXITSTATUS(status))) +
                  "\n" + words;
  const std::size_t check = words.rfind(": check failed: ");
  if (check == words.npos) return result;
  const std::size_t line = words.rfind('\n', check) + 1;
  result.subject = words.substr(line, check - line);
  const bool ours = result.subject.find("/sim/") != result.subject.npos ||
                    result.subject.find("/faults/") != result.subject.npos;
  if (!ours) {
    result.outcome = Outcome::failed;
    result.check = "check-failed";
  }
  return result;
}

std::string identity_of(const SeedResult& result) {
  std::string identity = result.check + " (";
  bool number = false;
  for (const char c : result.subject) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) identity += c;
    if (digit && !number) identity += '#';
    number = digit;
  }
  return identity + ")";
}

std::string to_json(const SeedResult& result) {
  nlohmann::ordered_json json = {{"seed", result.seed},       {"outcome", name_of(result.outcome)},
                                 {"events", result.events},   {"sim_ms", result.sim_ms},
                                 {"wall_us", result.wall_us}, {"digest", result.digest},
                                 {"drawn", result.drawn},     {"marks", result.marks}};
  if (!result.blocks.empty()) json["blocks"] = result.blocks;
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
                       .blocks = json.value("blocks", ""),
                       .events = json.value("events", std::uint64_t{0}),
                       .sim_ms = json.value("sim_ms", std::uint64_t{0}),
                       .wall_us = json.value("wall_us", std::uint64_t{0}),
                       .marks = json.value("marks", std::map<std::string, std::uint64_t>())};
  const std::string outcome = json.value("outcome", "");
  for (const Outcome each : {Outcome::passed, Outcome::failed, Outcome::harness,
                             Outcome::nondeterminism, Outcome::unknown}) {
    if (outcome == name_of(each)) result.outcome = each;
  }
  return result;
}

}  // namespace perdure::sim::cli
