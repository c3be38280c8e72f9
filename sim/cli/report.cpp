#include "sim/cli/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "sim/cli/token.h"

namespace perdure::sim::cli {

namespace {

std::string escaped(std::string_view text) {
  std::string xml;
  for (const char c : text) {
    switch (c) {
      case '&': xml += "&amp;"; break;
      case '<': xml += "&lt;"; break;
      case '>': xml += "&gt;"; break;
      case '"': xml += "&quot;"; break;
      default: xml += static_cast<unsigned char>(c) < 0x20 && c != '\n' ? '?' : c;
    }
  }
  return xml;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

Report::Report(Options options) : options_(std::move(options)) {
  if (!options_.json.empty()) json_.open(options_.json);
}

void Report::add(const SeedResult& result) {
  events_ += result.events;
  sim_ms_ += result.sim_ms;
  for (const auto& [mark, hits] : result.marks) marks_[mark] += hits;
  if (json_) json_ << to_json(result) << '\n';
  if (result.outcome == Outcome::passed) {
    ++passed_;
  } else {
    failures_.push_back(result);
    if (options_.progress) std::cerr << "\r\033[K";
    // The first of each kind in full, the others counted.
    if (++by_identity_[identity_of(result)] <= 3) print_failure(result);
  }
  if (options_.progress) print_progress();
}

void Report::print_failure(const SeedResult& result) const {
  const Token token = {.build = build_id(), .scenario = options_.scenario, .seed = result.seed};
  std::cout << fmt::format("{}: {} ({}): {}\n  perdure-sim replay {}\n", name_of(result.outcome),
                           result.check, result.subject, first_line(result.detail), token.text())
            << std::flush;
}

void Report::print_progress() const {
  std::cerr << fmt::format("\r{} of {} seeds, {} failed, {:.0f} simulated seconds",
                           passed_ + failures_.size(), options_.seeds, failures_.size(),
                           static_cast<double>(sim_ms_) / 1000)
            << std::flush;
}

ExitCode Report::finish(double wall_seconds) {
  if (options_.progress) std::cerr << "\r\033[K";
  for (const auto& [identity, count] : by_identity_) {
    if (count > 3) std::cout << fmt::format("{}: {} seeds in all\n", identity, count);
  }
  std::vector<std::string> missed;
  for (const auto& [mark, hits_min] : options_.marks) {
    const auto found = marks_.find(mark);
    const std::uint64_t hits = found == marks_.end() ? 0 : found->second;
    if (hits >= hits_min || passed_ + failures_.size() == 0) continue;
    missed.push_back(mark);
    std::cout << fmt::format("reached {} of {} times: {}\n", hits, hits_min, mark);
  }
  std::cout << fmt::format("{}: {} events, {:.0f} simulated seconds in {:.1f} s, {:.0f} events/s\n",
                           options_.scenario, events_, static_cast<double>(sim_ms_) / 1000,
                           wall_seconds,
                           static_cast<double>(events_) / std::max(wall_seconds, 1e-3));
  if (!options_.junit.empty() && !write_junit(wall_seconds)) {
    std::cerr << "cannot write " << options_.junit << "\n";
    return harness_error;
  }
  std::cout << fmt::format("{} passed, {} failed\n", passed_, failures_.size()) << std::flush;
  const auto any = [this](Outcome outcome) {
    return std::ranges::any_of(failures_,
                               [outcome](const auto& each) { return each.outcome == outcome; });
  };
  if (any(Outcome::harness)) return harness_error;
  if (any(Outcome::nondeterminism)) return nondeterminism;
  if (any(Outcome::failed)) return check_failed;
  if (any(Outcome::unknown)) return inconclusive;
  return missed.empty() ? all_passed : mark_missed;
}

// One suite; a case for each failed seed, and one for each hundred that passed.
bool Report::write_junit(double wall_seconds) const {
  std::ofstream out(options_.junit);
  const std::uint64_t folded = (passed_ + 99) / 100;
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  out << fmt::format(
      "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" time=\"{:.3f}\">\n"
      "<properties><property name=\"build\" value=\"{}\"/>"
      "<property name=\"seeds\" value=\"{}\"/>"
      "<property name=\"events\" value=\"{}\"/>"
      "<property name=\"simulated_seconds\" value=\"{}\"/></properties>\n",
      escaped(options_.scenario), failures_.size() + folded, failures_.size(), wall_seconds,
      build_id(), passed_ + failures_.size(), events_, sim_ms_ / 1000);
  for (const SeedResult& failure : failures_) {
    const Token token = {.build = build_id(), .scenario = options_.scenario, .seed = failure.seed};
    out << fmt::format(
        "<testcase classname=\"{}\" name=\"seed {}\"><failure type=\"{}\" message=\"{}\">"
        "perdure-sim replay {}\n{}\n{}\n</failure></testcase>\n",
        escaped(options_.scenario), failure.seed, escaped(failure.check),
        escaped(failure.check + ": " + first_line(failure.detail)), escaped(token.text()),
        escaped(failure.drawn), escaped(failure.detail));
  }
  for (std::uint64_t i = 0; i < folded; ++i) {
    out << fmt::format("<testcase classname=\"{}\" name=\"passed seeds {} to {}\"/>\n",
                       escaped(options_.scenario), i * 100 + 1, std::min(passed_, (i + 1) * 100));
  }
  out << "</testsuite>\n</testsuites>\n";
  return static_cast<bool>(out.flush());
}

}  // namespace perdure::sim::cli
