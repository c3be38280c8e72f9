#include "sim/exam/examiner.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <ranges>

namespace perdure::sim::exam {

namespace {

constexpr std::uint64_t chunk = 10;          // seeds of one scenario, before the next
constexpr std::uint64_t compared_most = 20;  // digests, for a plant that nobody found
constexpr std::uint64_t noise_most = 20;     // then the unplanted program is to blame
constexpr std::array<std::uint64_t, 3> range_starts = {1, 100'001, 200'001};
constexpr std::uint64_t controls_start = 300'000;

}  // namespace

Examiner::Counts Examiner::counts() const {
  std::array<std::uint64_t, 2> both = {};
  std::ifstream(options_.counters, std::ios::binary)
      .read(reinterpret_cast<char*>(both.data()), sizeof both);
  return {.reached = both[0], .mattered = both[1]};
}

void Examiner::reset_counts() const {
  const std::array<std::uint64_t, 2> none = {};
  std::ofstream(options_.counters, std::ios::binary)
      .write(reinterpret_cast<const char*>(none.data()), sizeof none);
}

const SeedSeen& Examiner::unplanted(const std::string& scenario, std::uint64_t seed) {
  const auto known = unplanted_.find({scenario, seed});
  if (known != unplanted_.end()) return known->second;
  auto seen = run_(options_.plain, 0, scenario, seed, seed + 1, 1, false);
  return unplanted_[{scenario, seed}] = seen.empty() ? SeedSeen{.seed = seed} : seen.front();
}

void Examiner::compare(PlantResult& result, const std::string& scenario, const SeedSeen& seen) {
  if (result.seeds_compared >= compared_most || seen.failed) return;
  ++result.seeds_compared;
  if (unplanted(scenario, seen.seed).digest != seen.digest) ++result.seeds_differed;
}

bool Examiner::search_one(PlantResult& result, Range& range, const Planted& planted,
                          const std::string& scenario, Seeds seeds, bool may_skip) {
  const std::uint64_t end = range.from + seeds.all;
  const std::uint64_t begin = range.from + seeds.done;
  for (std::uint64_t at = begin; at < end && result.noise < noise_most;) {
    const Counts before = counts();
    const std::uint64_t differed_before = result.seeds_differed;
    auto seen = run_(planted.program, planted.number, scenario, at, std::min(at + chunk, end),
                     options_.jobs, true);
    std::ranges::sort(seen, {}, &SeedSeen::seed);
    for (const SeedSeen& one : seen) {
      ++range.seeds;
      if (!one.failed) continue;
      if (unplanted(scenario, one.seed).failed) {
        ++result.noise;
        continue;
      }
      range.seed = one.seed;
      range.scenario = scenario;
      range.check = one.check;
      range.detail = one.detail;
      return true;
    }
    const bool first_chunk = at == begin;
    at = seen.empty() ? end : seen.back().seed + 1;
    const std::uint64_t reached = counts().reached - before.reached;
    if (!planted.counted || (planted.form != Form::pure && reached > 0)) {
      for (const SeedSeen& one : seen) compare(result, scenario, one);
    }
    const bool met = planted.counted ? reached > 0 : result.seeds_differed > differed_before;
    if (first_chunk && may_skip && !met) return false;
  }
  return false;
}

// The default scenario takes what a class allows; all others together take as much again.
// Where a plant is not met at first sight the others come first; what is met rarely is met
// when its turn comes again.
Range Examiner::search(PlantResult& result, const Planted& planted, std::uint64_t from,
                       std::uint64_t seeds) {
  Range range = {.from = from};
  const Plant& plant = result.plant;
  if (!plant.scenarios.empty()) {
    for (const std::string& scenario : plant.scenarios) {
      if (search_one(result, range, planted, scenario, {.all = seeds}, false)) break;
    }
    return range;
  }
  const std::string& first = options_.scenarios.front();
  const bool is_control = plant.expected_within == Class::control;
  const std::uint64_t others = options_.scenarios.size() - 1;
  const bool may_skip = others > 0 && !is_control;
  std::vector<std::pair<std::string, Seeds>> again;
  const auto look = [&](const std::string& scenario, std::uint64_t share, bool skips) {
    const std::uint64_t before = range.seeds;
    if (search_one(result, range, planted, scenario, {.all = share}, skips)) return true;
    const std::uint64_t done = range.seeds - before;
    if (done < share) again.push_back({scenario, {.all = share, .done = done}});
    return false;
  };
  if (look(first, seeds, may_skip) || is_control) return range;
  for (const std::string& scenario : options_.scenarios | std::views::drop(1)) {
    if (look(scenario, std::max(chunk, seeds / others), true)) return range;
  }
  for (const auto& [scenario, rest] : again) {
    if (search_one(result, range, planted, scenario, rest, false)) break;
  }
  return range;
}

PlantResult Examiner::examine(const Plant& plant, const Planted& planted) {
  const auto start = std::chrono::steady_clock::now();
  PlantResult result = {.plant = plant, .form = planted.form, .counted = planted.counted};
  if (planted.program.empty()) {
    result.verdict = Verdict::unfit;
    result.why = planted.why_not;
    return result;
  }
  reset_counts();
  const std::uint64_t seeds = std::min(options_.seeds_most, seeds_of(plant.expected_within));
  const std::size_t ranges = plant.expected_within == Class::easy ? range_starts.size() : 1;
  // Each control other seeds: what nobody reports here was looked at under more weathers.
  const std::uint64_t apart =
      plant.expected_within == Class::control ? controls_start + seeds * controls_++ : 0;
  for (std::size_t i = 0; i < ranges; ++i) {
    result.ranges.push_back(search(result, planted, range_starts[i] + apart, seeds));
  }
  const Counts total = counts();
  result.reached = total.reached;
  result.mattered = total.mattered;
  const bool every = std::ranges::all_of(result.ranges, &Range::found);
  const bool any = std::ranges::any_of(result.ranges, &Range::found);
  if (plant.expected_within == Class::control) {
    result.verdict = any ? Verdict::false_alarm : Verdict::clean;
  } else {
    result.verdict = every ? Verdict::found : Verdict::missed;
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace perdure::sim::exam
