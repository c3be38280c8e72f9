#include "sim/cli/divergence.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "sim/cli/perturb.h"
#include "sim/scenario.h"
#include "sim/scenario_file.h"
#include "sim/trace/story_file.h"
#include "sim/trace/view.h"
#include "sim/trace/why.h"

namespace perdure::sim::cli {

namespace {

constexpr int tries = 3;  // what address randomisation does is another thing each time

// One side of the comparison, in a process of its own.
Result<trace::Story> run_side(Twin twin, const std::string& scenario, std::uint64_t seed,
                              std::uint64_t folds_max) {
  const int file = ::memfd_create("story", 0);
  if (file < 0) return fail(Code::failed, "no memory for a story");
  const pid_t child = ::fork();
  if (child < 0) return fail(Code::failed, "cannot fork");
  if (child == 0) {
    become(twin);
    const std::string descriptor = std::to_string(file), number = std::to_string(seed),
                      folds = std::to_string(folds_max);
    ::execl("/proc/self/exe", "perdure-sim", "tell", descriptor.c_str(), scenario.c_str(),
            number.c_str(), folds.c_str(), nullptr);
    std::_Exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  std::string bytes(static_cast<std::size_t>(std::max<off_t>(::lseek(file, 0, SEEK_END), 0)), '\0');
  const ssize_t count = ::pread(file, bytes.data(), bytes.size(), 0);
  ::close(file);
  if (status != 0 || count != static_cast<ssize_t>(bytes.size())) {
    return fail(Code::failed, "the run that was to be told did not end well");
  }
  return trace::from_bytes(bytes);
}

bool same(const trace::Story& a, const trace::Moment& in_a, const trace::Story& b,
          const trace::Moment& in_b) {
  return in_a.event == in_b.event && in_a.at == in_b.at && in_a.what == in_b.what &&
         in_a.host == in_b.host && in_a.incarnation == in_b.incarnation &&
         in_a.shard == in_b.shard && in_a.fiber == in_b.fiber && in_a.a == in_b.a &&
         in_a.b == in_b.b && in_a.payload == in_b.payload && in_a.cause == in_b.cause &&
         a.text(in_a.name) == b.text(in_b.name) && a.text(in_a.detail) == b.text(in_b.detail);
}

std::string side(std::string_view name, const trace::Story& story, std::uint64_t number) {
  if (number > story.size()) return fmt::format("{}: nothing more happened\n", name);
  constexpr std::size_t links = 8;
  const trace::Moment& moment = story.moment(number);
  return fmt::format("{}: fiber {}, payload {:016x}\n{}", name, moment.fiber, moment.payload,
                     trace::why(story, number, links, false, false));
}

}  // namespace

std::optional<std::uint64_t> first_different_block(const std::string& a, const std::string& b) {
  const std::size_t both = std::min(a.size(), b.size()) / digits_of_block;
  for (std::size_t block = 0; block < both; ++block) {
    const std::size_t at = block * digits_of_block;
    if (a.compare(at, digits_of_block, b, at, digits_of_block) != 0) return block;
  }
  if (a.size() != b.size()) return both;
  return std::nullopt;
}

std::uint64_t first_difference(const trace::Story& a, const trace::Story& b) {
  const std::uint64_t both = std::min(a.size(), b.size());
  for (std::uint64_t number = 1; number <= both; ++number) {
    if (!same(a, a.moment(number), b, b.moment(number))) return number;
  }
  return a.size() == b.size() ? 0 : both + 1;
}

std::string tell_difference(const trace::Story& plain, const trace::Story& perturbed) {
  const std::uint64_t number = first_difference(plain, perturbed);
  if (number == 0) return "";
  const trace::Story& longer = plain.size() >= number ? plain : perturbed;
  std::string text =
      fmt::format("they part in event {}, at {:.9f} s; before it both had\n",
                  longer.moment(number).event, static_cast<double>(longer.moment(number).at) / 1e9);
  constexpr std::uint64_t common = 5;
  for (std::uint64_t before = number > common ? number - common : 1; before < number; ++before) {
    text += trace::line_of(plain, before, false) + "\n";
  }
  return text + side("plain twin", plain, number) + side("perturbed twin", perturbed, number) +
         "perturbed: " + perturbations();
}

Result<std::string> locate(const std::string& scenario, std::uint64_t seed, std::uint64_t block) {
  const std::uint64_t folds_max = (block + 1) * Digest::block;
  for (int attempt = 0; attempt < tries; ++attempt) {
    TRY(plain, run_side(Twin::plain, scenario, seed, folds_max));
    TRY(perturbed, run_side(Twin::perturbed, scenario, seed, folds_max));
    std::string text = tell_difference(plain, perturbed);
    if (!text.empty()) return text;
  }
  return fail(Code::not_found, fmt::format("it did not show again in {} more pairs of runs, told "
                                           "up to the end of block {}",
                                           tries, block));
}

int tell_to(int descriptor, const std::string& scenario_name, std::uint64_t seed,
            std::uint64_t folds_max) {
  const auto plan = open_plan(scenario_name);
  if (!plan) return 64;
  trace::Story story;
  (void)sim::run(*plan, {.seed = seed, .story = &story, .folds_max = folds_max});
  const std::string bytes = trace::to_bytes(story);
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t wrote = ::write(descriptor, bytes.data() + at, bytes.size() - at);
    if (wrote <= 0) return 1;
    at += static_cast<std::size_t>(wrote);
  }
  return 0;
}

}  // namespace perdure::sim::cli
