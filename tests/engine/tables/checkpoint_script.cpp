// Drives checkpoint.h from text: bounds and partitions in, what is due out.
#include "engine/tables/checkpoint.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/script.h"

namespace {

using namespace perdure;
using namespace perdure::tables;

class Driver {
 public:
  std::string answer(const tests::Command& command) {
    const auto number = [&](const char* name, std::uint64_t otherwise) {
      const auto field = command.fields.find(name);
      return field == command.fields.end() ? otherwise : std::stoull(field->second);
    };
    if (command.verb == "bounds") {
      options_ = {.dirty_bytes_max = number("dirty", 100),
                  .log_bytes_max = number("log", 1000),
                  .age_max = std::chrono::seconds(number("age", 60)),
                  .shared_bytes_max = number("shared", 250),
                  .running_max = number("running", 2)};
      return "";
    }
    if (command.verb == "partition") {
      const PartitionId id(std::stoull(command.words.at(0)));
      std::erase_if(all_, [&](const Dirt& dirt) { return dirt.partition == id; });
      const auto said = [&](std::string_view word) {
        return std::ranges::find(command.words, word) != command.words.end();
      };
      all_.push_back({.partition = id,
                      .dirty_bytes = number("dirty", 0),
                      .frozen_bytes = number("frozen", 0),
                      .log_bytes = number("log", 0),
                      .dirty_since = now - std::chrono::seconds(number("age", 0)),
                      .running = said("running"),
                      .half_done = said("half_done"),
                      .frees_log = said("frees_log")});
      return "";
    }
    if (command.verb == "due") {
      std::string text;
      for (const Due& due : checkpoints_due(options_, all_, now)) {
        text += std::to_string(due.partition.raw()) + " by " + std::string(name_of(due.why)) + "\n";
      }
      return text.empty() ? "none\n" : text;
    }
    if (command.verb == "admission") {
      return std::string(name_of(admission_of(options_, all_))) + "\n";
    }
    return "unknown verb\n";
  }

 private:
  static constexpr Instant now{std::chrono::hours(1)};
  CheckpointOptions options_;
  std::vector<Dirt> all_;
};

}  // namespace

int main(int argc, char** argv) {
  Driver driver;
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite,
                           [&](const tests::Command& command) { return driver.answer(command); });
}
