// perdure-sim trace: the whole story of one seed, or the lines of it that were asked for.
#include <CLI/CLI.hpp>
#include <iostream>
#include <sstream>

#include "sim/cli/one_seed.h"
#include "sim/cli/report.h"
#include "sim/cli/verbs.h"

namespace perdure::sim::cli {
namespace {

// The event number stands second on a line of the story.
std::uint64_t event_of(const std::string& line) {
  std::istringstream words(line);
  double time = 0;
  std::uint64_t event = 0;
  words >> time >> event;
  return event;
}

class Trace final : public Verb {
 public:
  explicit Trace(CLI::App& command) {
    command.add_option("token", token_)->required();
    command.add_option("--node", node_, "Only of this host");
    command.add_option("--name", name_, "Only lines with this text");
    command.add_option("--around", around_, "Only 200 events before and after this one");
    command.add_flag("--force", force_, "Also for a token of another build");
  }

  int run() override {
    const auto seed = find_seed(token_, force_);
    if (!seed) {
      std::cerr << seed.error().detail << "\n";
      return bad_usage;
    }
    std::cout << seed->title();
    return print_verdict(seed->run({.tell = [this](const std::string& line) {
      if (wanted(line)) std::cout << line << "\n";
    }}));
  }

 private:
  bool wanted(const std::string& line) const {
    if (!node_.empty() && line.find(" " + node_ + ".") == line.npos) return false;
    if (!name_.empty() && line.find(name_) == line.npos) return false;
    if (around_ == 0) return true;
    const std::uint64_t event = event_of(line);
    return event + 200 >= around_ && event <= around_ + 200;
  }

  std::string token_, node_, name_;
  std::uint64_t around_ = 0;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_trace(CLI::App& command) { return std::make_unique<Trace>(command); }

}  // namespace perdure::sim::cli
