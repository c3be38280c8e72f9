#include "sim/exam/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

namespace perdure::sim::exam {

namespace {

// Which properties a check of ours stands for.
struct Stands {
  std::string_view check, ids;
};
constexpr std::array stands = {
    Stands{"acked-is-durable", "LOG-2 LOG-6 PP-3 PP-4 PP-5 ING-2 DISK-1 OUT-1 RAFT-5"},
    Stands{"exactly-once", "PP-3 ING-3 OUT-1 LOG-3 TMR-1"},
    Stands{"per-key-order", "PP-4 PP-5"},
    Stands{"per-key-exclusion", "PP-4"},
    Stands{"stable-answers", "ING-1 PP-5 ING-3"},
    Stands{"nothing-invented", "LOG-3 PP-3 PP-5 ING-1"},
    Stands{"state-equals-replay", "PP-2 PP-6 PP-7 SNAP-1"},
    Stands{"apply-is-pure", "PP-7 PP-2"},
    Stands{"journal-prefix", "INV-1"},
    Stands{"journal-mismatch", "INV-1"},
    Stands{"timer-early", "TMR-1"},
    Stands{"timer-late", "TMR-1"},
    Stands{"liveness.stuck", "LIVE-1 LIVE-2 ING-2 TMR-1"},
    Stands{"debt-remains", "LIVE-3"},
    Stands{"latest-is-complete", "SNAP-2"},
    Stands{"snapshot-equals-state", "SNAP-1"},
    Stands{"equals-spec", "PP-3 PP-5 ING-1 ING-3"},
    Stands{"state-model", "PP-5 PP-3"},
    Stands{"stale-read", "PP-5 ING-1"},
    Stands{"epochs-grow", "PP-1"},
    Stands{"liveness.slow", "LIVE-1"},
    Stands{"log-acked-lost", "LOG-2"},
    Stands{"log-chain", "LOG-5"},
    Stands{"log-invented", "LOG-3"},
    Stands{"log-quorum", "LOG-6"},
    Stands{"log-reader-order", "LOG-7"},
    Stands{"log-sealed", "LOG-4"},
    Stands{"log-single-history", "LOG-1"},
    Stands{"log-trim", "LOG-8"},
    Stands{"raft-election-safety", "RAFT-1"},
    Stands{"raft-log-matching", "RAFT-2"},
    Stands{"raft-leader-completeness", "RAFT-3"},
    Stands{"raft-state-machine", "RAFT-4"},
    Stands{"raft-durability", "RAFT-5"},
    Stands{"metadata-register", "RAFT-6"},
    Stands{"check-failed", "CHECK"},
};

std::vector<std::string> ids_of(std::string_view expect) {
  std::vector<std::string> ids;
  std::string letters;  // "LOG-" of "LOG-4/2"
  std::string word;
  const auto end_word = [&] {
    if (word.empty()) return;
    const bool digits = std::ranges::all_of(word, [](unsigned char c) { return std::isdigit(c); });
    if (digits && !letters.empty()) word = letters + word;
    const std::size_t dash = word.rfind('-');
    if (dash != word.npos) letters = word.substr(0, dash + 1);
    ids.push_back(std::exchange(word, {}));
  };
  for (const char c : expect) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.') {
      word += c;
    } else {
      end_word();
    }
  }
  end_word();
  return ids;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::found: return "found";
    case Verdict::missed: return "missed";
    case Verdict::clean: return "clean";
    case Verdict::false_alarm: return "false alarm";
    case Verdict::unfit: return "unfit";
  }
  return "?";
}

bool answers_to(std::string_view check, std::string_view expect) {
  for (const std::string& id : ids_of(expect)) {
    if (check == id) return true;
    // "LOG-2" also for a check that is called so: "LOG-2.acked-append".
    if (check.starts_with(id + ".") || check.starts_with(id + " ")) return true;
    for (const Stands& each : stands) {
      if (each.check != check) continue;
      const auto ids = ids_of(each.ids);
      if (std::ranges::find(ids, id) != ids.end()) return true;
    }
  }
  return false;
}

std::optional<std::uint64_t> PlantResult::median() const {
  std::vector<std::uint64_t> needed;
  for (const Range& range : ranges) {
    if (range.found()) needed.push_back(range.seeds);
  }
  if (needed.empty()) return std::nullopt;
  std::ranges::sort(needed);
  return needed[needed.size() / 2];
}

bool PlantResult::by_expected() const {
  return std::ranges::any_of(ranges, [this](const Range& range) {
    return range.found() && answers_to(range.check, plant.expect);
  });
}

std::string PlantResult::gap() const {
  if (verdict != Verdict::missed) return "";
  const bool differed = mattered > 0 || seeds_differed > 0;
  if (differed) return "checker gap";
  if (counted && reached == 0) return "workload gap";
  return counted ? "fault gap" : "workload or fault gap";
}

std::string table_head() {
  return fmt::format("{:5}{:14} {:8} {:5} {:>6} {:>6}  {:24} {:>9} {:>9} {:>7}", "", "plant",
                     "class", "kind", "first", "median", "by", "reached", "mattered", "seconds");
}

std::string table_line(const PlantResult& result) {
  const auto first = std::ranges::find_if(result.ranges, &Range::found);
  const bool found = first != result.ranges.end();
  std::string by = result.verdict == Verdict::unfit ? "unfit: " + result.why
                   : found ? first->check + (result.by_expected() ? "" : " (unexpected)")
                   : result.verdict == Verdict::clean ? "nobody, as it should be"
                                                      : result.gap();
  const auto median = result.median();
  // Where sides cannot be compared, in how many seeds the run went otherwise.
  const std::string mattered =
      result.form == Form::pure ? std::to_string(result.mattered)
      : result.seeds_compared > 0
          ? fmt::format("{}/{}", result.seeds_differed, result.seeds_compared)
          : "-";
  return fmt::format(
      "{:5}{:14} {:8} {:5} {:>6} {:>6}  {:24} {:>9} {:>9} {:>7.1f}", result.good() ? "ok" : "FAIL",
      result.plant.id, name_of(result.plant.expected_within), name_of(result.plant.kind),
      found ? std::to_string(*first->seed) : "-", median ? std::to_string(*median) : "-", by,
      result.counted ? std::to_string(result.reached) : "-", mattered, result.seconds);
}

std::string to_json(const std::vector<PlantResult>& results, std::string_view build) {
  nlohmann::ordered_json json = {{"build", build}};
  json["passed"] = std::ranges::count_if(results, &PlantResult::good);
  json["failed"] = static_cast<std::ptrdiff_t>(results.size()) -
                   std::ranges::count_if(results, &PlantResult::good);
  json["plants"] = nlohmann::ordered_json::array();
  for (const PlantResult& result : results) {
    nlohmann::ordered_json plant = {{"id", result.plant.id},
                                    {"class", name_of(result.plant.expected_within)},
                                    {"kind", name_of(result.plant.kind)},
                                    {"planted_as", name_of(result.form)},
                                    {"expect", result.plant.expect},
                                    {"verdict", name_of(result.verdict)},
                                    {"found", false},
                                    {"first_seed", nullptr},
                                    {"median", nullptr},
                                    {"check", nullptr},
                                    {"by_expected", result.by_expected()},
                                    {"gap", result.gap()},
                                    {"why", result.why}};
    if (const auto median = result.median()) plant["median"] = *median;
    plant["ranges"] = nlohmann::ordered_json::array();
    for (const Range& range : result.ranges) {
      nlohmann::ordered_json one = {
          {"from", range.from}, {"seeds", range.seeds}, {"seed", nullptr}};
      if (range.found()) {
        one["seed"] = *range.seed;
        one["scenario"] = range.scenario;
        one["check"] = range.check;
        one["detail"] = range.detail.substr(0, range.detail.find('\n'));
        if (plant["first_seed"].is_null()) {
          plant["found"] = true;
          plant["first_seed"] = *range.seed;
          plant["check"] = range.check;
        }
      }
      plant["ranges"].push_back(std::move(one));
    }
    plant["reached"] = result.counted ? nlohmann::ordered_json(result.reached) : nullptr;
    plant["mattered"] =
        result.form == Form::pure ? nlohmann::ordered_json(result.mattered) : nullptr;
    plant["seeds_compared"] = result.seeds_compared;
    plant["seeds_differed"] = result.seeds_differed;
    plant["noise"] = result.noise;
    plant["seconds"] = std::round(result.seconds * 10) / 10;
    json["plants"].push_back(std::move(plant));
  }
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace perdure::sim::exam
