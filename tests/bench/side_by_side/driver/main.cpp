// bench-driver: a closed loop of HTTP/2 requests (prior knowledge) that checks every answer.  One
// thread.  Prints one JSON object; --help tells the rest.
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "clock.h"
#include "driver.h"
#include "options.h"
#include "tally.h"
#include "workload.h"

namespace bench {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t second = 1'000'000;
constexpr std::uint64_t readback_at_most = 60 * second;

std::uint64_t us_of(double seconds) { return static_cast<std::uint64_t>(seconds * 1e6); }
double ms_of(std::uint64_t us) { return static_cast<double>(us) / 1000; }

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Milliseconds, in which the share `of` of all answers was there.
double quantile(const std::vector<std::uint32_t>& sorted, double of) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(of * static_cast<double>(sorted.size()));
  return ms_of(sorted[std::min(sorted.size() - 1, at)]);
}

Json latencies_of(Tally& tally, double seconds) {
  std::vector<std::uint32_t>& all = tally.latencies;
  std::ranges::sort(all);
  double sum = 0;
  for (const std::uint32_t each : all) sum += each;
  const auto n = static_cast<double>(all.size());
  return {{"measured", all.size()},    {"rps", n / seconds},
          {"p50", quantile(all, .5)},  {"p90", quantile(all, .9)},
          {"p99", quantile(all, .99)}, {"p999", quantile(all, .999)},
          {"max", quantile(all, 1)},   {"mean", all.empty() ? 0 : sum / n / 1000}};
}

Json errors_of(const Tally& tally) {
  Json by_status = Json::object();
  for (const auto& [status, n] : tally.errors_by_status) by_status[std::to_string(status)] = n;
  return {{"errors", tally.errors},           {"wrong", tally.wrongs},
          {"retries", tally.retries},         {"reconnects", tally.reconnects},
          {"first_error", tally.first_error}, {"errors_by_status", std::move(by_status)}};
}

int run(const Options& options) {
  const std::unique_ptr<Workload> workload = workload_of(options);
  const auto* const adds = dynamic_cast<const Adds*>(workload.get());
  const std::uint64_t begun = now_us();
  const double begun_wall = wall_seconds();
  const std::uint64_t from = begun + us_of(options.requests != 0 ? 0 : options.warmup);
  const bool a_while = options.is_for_a_while();
  const std::uint64_t stop = a_while ? from + us_of(options.seconds) : UINT64_MAX;
  Tally tally({.begun = begun, .from = from, .until = stop, .timeline_ms = options.timeline_ms});
  Driver driver(options);
  driver.run(*workload, tally,
             {.stop = stop,
              .end = a_while ? stop + us_of(options.drain) : begun + us_of(options.seconds)});
  const double took =
      options.requests != 0 ? static_cast<double>(now_us() - begun) / 1e6 : options.seconds;
  const std::uint64_t unfinished = driver.unfinished();
  if (adds != nullptr && !options.dump_expected.empty()) adds->dump(options.dump_expected);

  Readback::Found found;
  if (const auto* const reader = dynamic_cast<const Readback*>(workload.get())) {
    found = reader->found();
  } else if (adds != nullptr && options.verify) {
    Readback readback(adds->expected());
    driver.run(readback, tally, {.stop = UINT64_MAX, .end = now_us() + readback_at_most});
    found = readback.found();
  }

  Json report = {
      {"scenario", options.scenario_name},
      {"concurrency", options.concurrency},
      {"conns", options.connections},
      {"seconds", took},
      {"ok_total", tally.rights},
      {"unfinished", unfinished},
      {"permutation_bad_keys", adds != nullptr ? adds->keys_that_are_no_permutation() : 0},
      {"acked_adds", adds != nullptr ? adds->acknowledged() : 0},
      {"readback_done", found.read},
      {"readback_bad", found.other},
      {"readback_lost", found.lost},
      {"max_gap_ms", ms_of(tally.longest_gap)},
      {"max_gap_at",
       tally.longest_gap_at != 0 ? begun_wall + ms_of(tally.longest_gap_at - begun) / 1000 : 0},
      {"start_wall", begun_wall},
      {"first_ok_ms", tally.first_right != 0 ? ms_of(tally.first_right - begun) : -1},
      {"driver_cpu_s", cpu_seconds()}};
  report.update(latencies_of(tally, took));
  report.update(errors_of(tally));
  if (options.timeline_ms != 0) {
    report["timeline_ms"] = options.timeline_ms;
    report["timeline"] = tally.timeline;
  }
  const std::string text =
      report.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  std::puts(text.c_str());
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::run(bench::parse(argc, argv)); }
