#include "sim/cli/workers.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "engine/base/check.h"
#include "sim/cli/divergence.h"
#include "sim/cli/perturb.h"
#include "sim/scenario_file.h"
#include "sim/world/draw.h"

namespace perdure::sim::cli {

namespace {

using WallClock = std::chrono::steady_clock;

struct Job {
  std::uint64_t seed = 0;
  bool twin = false;    // the second run of a seed
  bool blocks = false;  // it is one of two
};

class Worker {
 public:
  Worker(const WorkOrder& order, bool perturbed)
      : scenario_(order.scenario),
        program_(order.program),
        environment_(order.environment),
        perturbed_(perturbed) {
    launch();
  }
  ~Worker() { bury(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  bool perturbed() const { return perturbed_; }
  const std::optional<Job>& job() const { return job_; }
  int answers() const { return from_child_; }
  WallClock::time_point since() const { return since_; }

  void give(Job job) {
    job_ = job;
    since_ = WallClock::now();
    const std::string line = fmt::format("{} {}\n", job.seed, job.blocks ? 1 : 0);
    // A child that is gone shows at its answers' end.
    [[maybe_unused]] const auto written = ::write(to_child_, line.data(), line.size());
  }

  // Reads what is there.  A result, or nothing yet; a dead child gives one too.
  std::optional<SeedResult> read() {
    char some[65536];
    const ssize_t count = ::read(from_child_, some, sizeof some);
    if (count > 0) {
      buffer_.append(some, static_cast<std::size_t>(count));
      const std::size_t end = buffer_.find('\n');
      if (end == buffer_.npos) return std::nullopt;
      auto result = from_json(std::string_view(buffer_).substr(0, end));
      buffer_.erase(0, end + 1);
      const auto took = WallClock::now() - since_;
      const std::uint64_t seed = std::exchange(job_, std::nullopt)->seed;
      if (!result) return broken(seed, "harness.worker", "the worker said something odd");
      result->wall_us = static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(took).count());
      return *result;
    }
    if (count < 0 && errno == EINTR) return std::nullopt;
    return died();
  }

  SeedResult time_out() {
    const std::uint64_t seed = std::exchange(job_, std::nullopt)->seed;
    bury();
    launch();
    return broken(seed, "harness.timeout", "the seed took too long in real time");
  }

 private:
  static SeedResult broken(std::uint64_t seed, std::string check, std::string detail) {
    return {.seed = seed,
            .outcome = Outcome::harness,
            .check = std::move(check),
            .subject = "process",
            .detail = std::move(detail)};
  }

  std::optional<SeedResult> died() {
    const std::string words = last_words();
    const int status = bury();
    const std::optional<Job> job = std::exchange(job_, std::nullopt);
    launch();
    if (!job) return std::nullopt;
    return result_of_death(job->seed, status, words);
  }

  void launch() {
    int in[2], out[2];
    CHECK(::pipe2(in, O_CLOEXEC) == 0);
    CHECK(::pipe2(out, O_CLOEXEC) == 0);
    errors_ = ::memfd_create("stderr", MFD_CLOEXEC);
    CHECK(errors_ >= 0);
    child_ = ::fork();
    CHECK(child_ >= 0);
    if (child_ == 0) become_worker(in[0], out[1]);
    ::close(in[0]);
    ::close(out[1]);
    to_child_ = in[1];
    from_child_ = out[0];
    buffer_.clear();
  }

  [[noreturn]] void become_worker(int in, int out) const {
    ::dup2(in, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(errors_, STDERR_FILENO);
    become(perturbed_ ? Twin::perturbed : Twin::plain);
    for (const auto& [name, value] : environment_) ::setenv(name.c_str(), value.c_str(), 1);
    ::execl(program_.c_str(), "perdure-sim", "worker", scenario_.c_str(), nullptr);
    std::_Exit(127);
  }

  std::string last_words() const {
    std::string words(4096, '\0');
    const off_t size = ::lseek(errors_, 0, SEEK_END);
    const off_t from = std::max<off_t>(0, size - static_cast<off_t>(words.size()));
    const ssize_t count = ::pread(errors_, words.data(), words.size(), from);
    words.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return words;
  }

  int bury() {
    ::close(to_child_);
    ::close(from_child_);
    int status = 0;
    if (job_) ::kill(child_, SIGKILL);
    ::waitpid(child_, &status, 0);
    ::close(errors_);
    return status;
  }

  const std::string scenario_, program_;
  const std::map<std::string, std::string> environment_;
  const bool perturbed_;
  pid_t child_ = 0;
  int to_child_ = -1, from_child_ = -1, errors_ = -1;
  std::string buffer_;
  std::optional<Job> job_;
  WallClock::time_point since_;
};

class Run {
 public:
  Run(const WorkOrder& order, const std::function<void(const SeedResult&)>& done)
      : order_(order), done_(done), seeds_(order.seeds.begin(), order.seeds.end()) {
    // Twins want one of each kind, also where only one may work at a time.
    const std::uint32_t least = order.twins_one_in > 0 ? 2 : 1;
    for (std::uint32_t i = 0; i < std::max(order.jobs, least); ++i) {
      workers_.push_back(std::make_unique<Worker>(order, i % 2 == 1));
    }
  }

  void run() {
    while (true) {
      for (const auto& worker : workers_) {
        if (!worker->job() && busy() < std::max(order_.jobs, 1u)) give_work(*worker);
      }
      if (busy() == 0) return;
      wait();
    }
  }

 private:
  std::uint32_t busy() const {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(workers_, [](const auto& worker) { return !!worker->job(); }));
  }
  bool wants_twin(std::uint64_t seed) const {
    return order_.twins_one_in > 0 && draw(seed, "twin", 0, 0) % order_.twins_one_in == 0;
  }
  void give_work(Worker& worker) {
    const auto twin = std::ranges::find_if(twins_, [&](const auto& waiting) {
      return !waiting.second.running && waiting.second.perturbed != worker.perturbed();
    });
    if (twin != twins_.end()) {
      twin->second.running = true;
      return worker.give({.seed = twin->first, .twin = true, .blocks = true});
    }
    if (seeds_.empty() || (order_.until && WallClock::now() >= *order_.until)) return;
    worker.give({.seed = seeds_.front(), .blocks = wants_twin(seeds_.front())});
    seeds_.pop_front();
  }

  void wait() {
    std::vector<pollfd> polls;
    for (const auto& worker : workers_) polls.push_back({worker->answers(), POLLIN, 0});
    ::poll(polls.data(), polls.size(), 1000);
    const auto limit = std::chrono::seconds(2 * seconds_per_seed);  // it may wait for a processor
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      Worker& worker = *workers_[i];
      const std::optional<Job> job = worker.job();
      std::optional<SeedResult> result;
      if (polls[i].revents != 0) {
        result = worker.read();
      } else if (job && WallClock::now() - worker.since() > limit) {
        result = worker.time_out();
      }
      if (result && job) finished(*job, worker.perturbed(), *result);
    }
  }

  void finished(Job job, bool perturbed, SeedResult result) {
    if (job.twin) {
      const SeedResult first = twins_.at(job.seed).result;
      twins_.erase(job.seed);
      if (first.digest != result.digest || first.outcome != result.outcome) {
        result.outcome = Outcome::nondeterminism;
        result.check = "harness.nondeterminism";
        result.subject = "digest";
        result.detail = differ(first, result);
      }
      result.blocks.clear();
      return tell(result);
    }
    if (job.blocks && result.outcome == Outcome::passed) {
      twins_[job.seed] = {.result = result, .perturbed = perturbed};
      return;
    }
    result.blocks.clear();
    tell(result);
  }

  std::string differ(const SeedResult& first, const SeedResult& second) const {
    std::string text = fmt::format("{} after {} events, then {} after {}\n", first.digest,
                                   first.events, second.digest, second.events);
    const auto block = first_different_block(first.blocks, second.blocks);
    text += block ? fmt::format("the first block that differs is number {}, folds {} to {}\n",
                                *block, *block * Digest::block, (*block + 1) * Digest::block - 1)
                  : std::string("all full blocks are equal, so it is in the last\n");
    const auto where =
        locate(order_.scenario, first.seed, block.value_or(first.blocks.size() / digits_of_block));
    return text + (where ? *where : where.error().detail);
  }

  void tell(const SeedResult& result) {
    done_(result);
    if (order_.fail_fast && result.outcome != Outcome::passed) seeds_.clear();
  }

  struct Twin {
    SeedResult result;
    bool perturbed = false, running = false;
  };

  const WorkOrder& order_;
  const std::function<void(const SeedResult&)>& done_;
  std::deque<std::uint64_t> seeds_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::map<std::uint64_t, Twin> twins_;  // first run done, second to come
};

}  // namespace

void run_seeds(const WorkOrder& order, const std::function<void(const SeedResult&)>& done) {
  ::signal(SIGPIPE, SIG_IGN);
  Run(order, done).run();
}

int work(const std::string& scenario) {
  const auto plan = open_plan(scenario);
  if (!plan) {
    std::cerr << plan.error().detail << "\n";
    return 64;
  }
  std::uint64_t seed = 0;
  int blocks = 0;
  while (std::cin >> seed >> blocks) {
    limit_this_process(seconds_per_seed);
    const Verdict verdict = run(*plan, {.seed = seed});
    std::cout << to_json(result_of(seed, verdict, blocks != 0)) << std::endl;
  }
  return 0;
}

// Beyond these it is killed, which costs one seed.
void limit_this_process(std::uint32_t seconds) {
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  const auto limit = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + seconds;
  const rlimit cpu = {.rlim_cur = limit, .rlim_max = RLIM_INFINITY};
  ::setrlimit(RLIMIT_CPU, &cpu);
#ifndef __SANITIZE_ADDRESS__  // which maps terabytes
  constexpr rlim_t bytes = rlim_t{4} << 30;
  const rlimit memory = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
  ::setrlimit(RLIMIT_AS, &memory);
#endif
}

}  // namespace perdure::sim::cli
