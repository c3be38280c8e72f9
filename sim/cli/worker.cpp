// perdure-sim worker, tell: the other sides of workers.h and divergence.h, started by
// ourselves only.
#include <CLI/CLI.hpp>

#include "sim/cli/divergence.h"
#include "sim/cli/verbs.h"
#include "sim/cli/workers.h"

namespace perdure::sim::cli {
namespace {

class WorkerVerb final : public Verb {
 public:
  explicit WorkerVerb(CLI::App& command) { command.add_option("scenario", scenario_)->required(); }
  int run() override { return work(scenario_); }

 private:
  std::string scenario_;
};

class TellVerb final : public Verb {
 public:
  explicit TellVerb(CLI::App& command) {
    command.add_option("descriptor", descriptor_)->required();
    command.add_option("scenario", scenario_)->required();
    command.add_option("seed", seed_)->required();
    command.add_option("folds", folds_max_)->required();
  }
  int run() override { return tell_to(descriptor_, scenario_, seed_, folds_max_); }

 private:
  int descriptor_ = 0;
  std::string scenario_;
  std::uint64_t seed_ = 0, folds_max_ = 0;
};

}  // namespace

std::unique_ptr<Verb> make_tell(CLI::App& command) { return std::make_unique<TellVerb>(command); }

std::unique_ptr<Verb> make_worker(CLI::App& command) {
  return std::make_unique<WorkerVerb>(command);
}

}  // namespace perdure::sim::cli
