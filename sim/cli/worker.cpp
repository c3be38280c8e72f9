// perdure-sim worker: the other side of workers.h, started by ourselves only.
#include <CLI/CLI.hpp>

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

}  // namespace

std::unique_ptr<Verb> make_worker(CLI::App& command) {
  return std::make_unique<WorkerVerb>(command);
}

}  // namespace perdure::sim::cli
