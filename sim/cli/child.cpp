#include "sim/cli/child.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <string>

#include "engine/base/check.h"
#include "sim/cli/workers.h"
#include "sim/scenario_file.h"

namespace perdure::sim::cli {

namespace {

constexpr std::string_view plan_line = "plan", result_line = "result";

void put(int fd, std::string_view kind, std::string_view text) {
  std::string bytes = std::string(kind) + " " + std::to_string(text.size()) + "\n";
  bytes += text;
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t count = ::write(fd, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

[[noreturn]] void be_the_child(int fd, int errors, const Plan& plan, Config config) {
  ::dup2(errors, STDERR_FILENO);
  limit_this_process(seconds_per_seed);
  config.keep_plan = true;
  config.planned = [fd](const Plan& resolved) { put(fd, plan_line, text_of_plan(resolved)); };
  const std::uint64_t seed = plan.seed.value_or(config.seed);
  const Verdict verdict = run(plan, config);
  if (verdict.plan) put(fd, plan_line, text_of_plan(*verdict.plan));
  put(fd, result_line, to_json(result_of(seed, verdict)));
  ::_exit(0);
}

std::string read_all(int fd) {
  std::string bytes;
  char some[65536];
  while (true) {
    const ssize_t count = ::read(fd, some, sizeof some);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return bytes;
    bytes.append(some, static_cast<std::size_t>(count));
  }
}

std::string last_of(int fd) {
  std::string words(4096, '\0');
  const off_t size = ::lseek(fd, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(words.size()));
  const ssize_t count = ::pread(fd, words.data(), words.size(), from);
  words.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return words;
}

}  // namespace

ChildRun run_in_child(const Plan& plan, Config config) {
  int ends[2];
  CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  const int errors = ::memfd_create("stderr", MFD_CLOEXEC);
  CHECK(errors >= 0);
  std::cout.flush();
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) be_the_child(ends[1], errors, plan, std::move(config));
  ::close(ends[1]);
  const std::string bytes = read_all(ends[0]);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);

  const std::uint64_t seed = plan.seed.value_or(config.seed);
  ChildRun run = {.result = result_of_death(seed, status, last_of(errors))};
  ::close(errors);
  for (std::string_view rest = bytes; !rest.empty();) {
    const std::size_t space = rest.find(' '), line = rest.find('\n');
    if (space == rest.npos || line == rest.npos || space > line) break;
    const std::string_view kind = rest.substr(0, space);
    const std::size_t size = std::stoul(std::string(rest.substr(space + 1, line - space - 1)));
    const std::string_view text = rest.substr(line + 1, size);
    if (text.size() < size) break;  // it died while speaking
    if (kind == plan_line) {
      if (auto resolved = plan_of_text(plan.name, text)) run.plan = std::move(*resolved);
    } else if (auto result = from_json(text)) {
      run.result = std::move(*result);
    }
    rest.remove_prefix(line + 1 + size);
  }
  return run;
}

}  // namespace perdure::sim::cli
