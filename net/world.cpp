#include "net/world.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <latch>
#include <thread>

#include "engine/io/http.h"
#include "engine/io/tables.h"
#include "net/crash.h"
#include "net/objects/folder.h"
#include "net/random/random.h"
#include "net/sockets/names.h"

namespace perdure::net {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

// Blocked in the main thread before others exist, so in all of them.
void prepare_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  report_crashes();
}

// A descriptor a connection: as many as we are allowed, whatever the shell's default.
void raise_descriptor_limit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

// All that one loop owns.  Order matters: what is below uses what is above.
struct Process::Shard {
  Shard(Process& process, std::uint32_t number)
      : index(number),
        syncs(loop, process.sync_pool_),
        work(loop, process.work_pool_),
        trace(process.log_, loop.clock, number),
        names(work),
        streams(loop, names, process.ports_),
        disk(process.options_.data_dir, syncs, work),
        objects(process.options_.bucket, work, random),
        peers({.loop = loop,
               .streams = streams,
               .random = random,
               .trace = trace,
               .mesh = process.mesh_,
               .self = {.node = process.options_.node, .shard = number},
               .secret = process.options_.secret,
               .credentials = process.options_.credentials}) {}

  const std::uint32_t index;
  Loop loop;
  Offload syncs, work;
  ShardTrace trace;
  KernelRandom random;
  SystemNames names;
  SocketStreams streams;
  FolderDisk disk;
  FolderObjects objects;
  ShardPeers peers;
  std::unique_ptr<io::Http> http, node_http;  // shard 0 has the node's port
  std::unique_ptr<io::Tables> tables;
  std::latch left_loop{1};   // the loop has ended, its fibers have not
  std::latch may_unwind{1};  // nothing runs any more that borrows from them
  std::thread thread;
};

Result<std::unique_ptr<Process>> Process::make(ProcessOptions options, const Factories& factories) {
  prepare_signals();
  raise_descriptor_limit();
  if (options.bucket.empty()) options.bucket = options.data_dir + "/snapshots";
  TRY(lock, FolderLock::take(options.data_dir));
  std::unique_ptr<Process> process(new Process(std::move(options), std::move(lock)));
  TRY_VOID(process->build(factories));
  process->start();
  return process;
}

Process::Process(ProcessOptions options, FolderLock lock)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      log_(options_.log),
      sync_pool_("sync", options_.shards),
      work_pool_("work", options_.blocking_threads),
      interrupted_(::eventfd(0, EFD_CLOEXEC)) {
  CHECK(options_.shards > 0);
}

Process::~Process() { stop(); }

Result<void> Process::build(const Factories& factories) {
  for (std::uint32_t number = 0; number < options_.shards; ++number) {
    shards_.push_back(std::make_unique<Shard>(*this, number));
    Shard& shard = *shards_.back();
    mesh_.shards.push_back(&shard.peers);
    const ShardParts parts = {.shard = number,
                              .shards = options_.shards,
                              .data_dir = options_.data_dir,
                              .clock = shard.loop.clock,
                              .disk = shard.disk,
                              .fibers = shard.loop.scheduler,
                              .random = shard.random,
                              .streams = shard.streams,
                              .trace = shard.trace,
                              .offload = shard.work};
    TRY(http, factories.http(parts));
    shard.http = std::move(http);
    if (number == 0) TRY_VOID(build_node_port(factories, parts));
    TRY(tables, factories.tables(parts));
    shard.tables = std::move(tables);
    worlds_.push_back({.clock = shard.loop.clock,
                       .disk = shard.disk,
                       .fibers = shard.loop.scheduler,
                       .http = *shard.http,
                       .names = shard.names,
                       .objects = shard.objects,
                       .peers = shard.peers,
                       .random = shard.random,
                       .streams = shard.streams,
                       .tables = *shard.tables,
                       .trace = shard.trace});
  }
  return {};
}

Result<void> Process::build_node_port(const Factories& factories, ShardParts parts) {
  Shard& shard = *shards_.front();
  const ShardParts of_port = {.shard = parts.shard,
                              .shards = parts.shards,
                              .data_dir = parts.data_dir,
                              .clock = parts.clock,
                              .disk = parts.disk,
                              .fibers = parts.fibers,
                              .random = parts.random,
                              .streams = shard.peers.port(),
                              .trace = parts.trace,
                              .offload = parts.offload};
  TRY(http, factories.http(of_port));
  shard.node_http = std::move(http);
  if (shard.node_http) shard.peers.serve_http_with(*shard.node_http);
  return {};
}

void Process::start() {
  running_ = true;
  for (const auto& shard : shards_) {
    shard->thread = std::thread([this, &shard = *shard] { run(shard); });
    const std::string name = "shard-" + std::to_string(shard->index);
    ::pthread_setname_np(shard->thread.native_handle(), name.c_str());
  }
}

void Process::run(Shard& shard) {
  const CrashStack crash_stack(shard.loop.scheduler);
  shard.loop.run();
  shard.left_loop.count_down();
  shard.may_unwind.wait();
  shard.loop.scheduler.kill_all();
  shard.node_http.reset();
  shard.http.reset();
  shard.tables.reset();
}

void Process::stop() {
  if (running_) {
    running_ = false;
    for (const auto& shard : shards_) shard->loop.stop();
    for (const auto& shard : shards_) shard->left_loop.wait();
  }
  // Jobs write into the stacks of fibers that wait for them: these end first.
  sync_pool_.stop();
  work_pool_.stop();
  for (const auto& shard : shards_) {
    if (!shard->thread.joinable()) continue;
    shard->may_unwind.count_down();
    shard->thread.join();
  }
}

void Process::for_each_shard(const std::function<void(std::uint32_t shard, io::World&)>& body) {
  CHECK(running_);
  std::latch ended(shards());
  for (const auto& shard : shards_) {
    shard->loop.post([&body, &ended, &shard = *shard, &world = worlds_[shard->index]] {
      shard.loop.scheduler.spawn_root("main",
                                      [&] { body(shard.index, world), ended.count_down(); });
    });
  }
  ended.wait();
}

void Process::on_shard(std::uint32_t shard, const std::function<void(io::World&)>& body) {
  for_each_shard([&](std::uint32_t here, io::World& world) {
    if (here == shard) body(world);
  });
}

void Process::start_on_shard(std::uint32_t index, std::function<void()> body) {
  CHECK(running_);
  Shard& shard = *shards_.at(index);
  shard.loop.post([&shard, body = std::move(body)]() mutable {
    shard.loop.scheduler.spawn_root("watch", std::move(body));
  });
}

int Process::wait_for_signal() {
  const sigset_t set = stop_signals();
  const Fd signals(::signalfd(-1, &set, SFD_CLOEXEC));
  CHECK(signals.open());
  pollfd waited[] = {{.fd = signals.get(), .events = POLLIN, .revents = 0},
                     {.fd = interrupted_.get(), .events = POLLIN, .revents = 0}};
  while (::poll(waited, 2, -1) <= 0) {
  }
  signalfd_siginfo came = {};
  if (waited[0].revents != 0) {
    const bool read_whole = ::read(signals.get(), &came, sizeof came) == sizeof came;
    CHECK(read_whole);
  }
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  return static_cast<int>(came.ssi_signo);
}

void Process::interrupt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(interrupted_.get(), &one, sizeof one);
}

std::map<std::string, std::uint64_t> Process::counters() const {
  std::map<std::string, std::uint64_t> sums;
  for (const auto& shard : shards_) shard->trace.counters().sum_into(sums);
  return sums;
}

}  // namespace perdure::net
