// sim/exam/result.h
//
// What the exam found out about one plant, and how that reads: a line of the table, an
// object of the JSON file.
//
// A miss is classed, because each class has another cure:
//
//     never reached             workload gap   no client does what would meet it
//     reached, but all equal    fault gap      nothing happens that would tell old from new
//     mattered, but unseen      checker gap    the run went otherwise, and nobody judged so
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/exam/workshop.h"

namespace perdure::sim::exam {

enum class Verdict {
  found,        // a checker spoke, in every range
  missed,       // in some range none did
  clean,        // a control, and nobody spoke
  false_alarm,  // a control, and somebody did
  unfit,        // it could not be planted: see `why`
};
std::string_view name_of(Verdict);

struct Range {
  std::uint64_t from = 1;             // the first seed, of each scenario
  std::uint64_t seeds = 0;            // how many ran, in all scenarios; with the finding's
  std::optional<std::uint64_t> seed;  // the first with a finding
  std::string scenario, check, detail;
  bool found() const { return seed.has_value(); }
};

struct PlantResult {
  Plant plant;
  Form form = Form::replacement;
  Verdict verdict = Verdict::missed;
  std::string why;  // of unfit
  std::vector<Range> ranges;
  bool counted = false;                                 // `reached` means something
  std::uint64_t reached = 0, mattered = 0;              // times
  std::uint64_t seeds_reached = 0, seeds_differed = 0;  // of those that were compared
  std::uint64_t seeds_compared = 0;
  std::uint64_t noise = 0;  // findings that the unplanted program has too
  double seconds = 0;

  bool good() const { return verdict == Verdict::found || verdict == Verdict::clean; }
  std::optional<std::uint64_t> median() const;  // seeds needed
  bool by_expected() const;                     // the first finding is the expected checker's
  std::string gap() const;                      // of a miss
};

// Whether a check of this name answers to the expectation ("LOG-4/2", "acked-is-durable").
bool answers_to(std::string_view check, std::string_view expect);

std::string table_head();
std::string table_line(const PlantResult& result);
std::string to_json(const std::vector<PlantResult>& results, std::string_view build);

}  // namespace perdure::sim::exam
