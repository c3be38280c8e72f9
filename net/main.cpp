// The server binary: options → worlds → shards → serve until told to stop.
//
// Exit codes: 0 stopped in order; 64 the command line, environment or file is wrong;
// 65 the data directory is not ours to use; 69 an address or directory is in use;
// 74 the disk or the system failed.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/io/fibers.h"
#include "engine/node/shard.h"
#include "net/crash.h"
#include "net/options.h"
#include "net/parts.h"
#include "net/secret.h"
#include "net/world.h"

namespace perdure::net {
namespace {

int exit_code(Code code) {
  switch (code) {
    case Code::invalid:
    case Code::not_found:
    case Code::corrupt: return 65;
    case Code::conflict: return 69;
    default: return 74;
  }
}

int refuse(const Error& why, int code) {
  std::fprintf(stderr, "perdure: %s\n", why.detail.c_str());
  return code;
}

// One node of shards; each is touched on its own loop only.
class Server {
 public:
  Server(Process& process, const node::Options& options)
      : process_(process),
        options_(options),
        shards_(process.shards()),
        opening_(process.shards()) {}

  Result<node::Addresses> start() {
    process_.for_each_shard([this](std::uint32_t index, io::World& world) {
      if (given_up_) return note(fail(Code::cancelled, "told to stop"));
      opening_[index] = world.fibers.self();
      shards_[index] = std::make_unique<node::Shard>(options_, world);
      note(shards_[index]->open());
    });
    if (failure_) return std::unexpected(*failure_);
    node::Addresses bound;
    const auto listen = [this](std::uint32_t index, const std::string& ingress) {
      Result<node::Addresses> addresses = shards_[index]->listen(ingress);
      if (!addresses) note(std::unexpected(addresses.error()));
      return addresses ? *addresses : node::Addresses();
    };
    process_.on_shard(0, [&](io::World&) { bound = listen(0, options_.ingress_address); });
    if (failure_) return std::unexpected(*failure_);
    process_.for_each_shard([&](std::uint32_t index, io::World&) {
      if (index > 0) listen(index, bound.ingress);
    });
    if (failure_) return std::unexpected(*failure_);
    return bound;
  }

  // A start() that waits for others, in another thread, comes back.  Once it has, nothing.
  void give_up() {
    given_up_ = true;
    process_.for_each_shard(
        [this](std::uint32_t index, io::World& world) { world.fibers.cancel(opening_[index]); });
  }

  // Ends the process when a shard can do no more.  What waits is unwound with the loops.
  void watch() {
    for (std::uint32_t index = 0; index < process_.shards(); ++index) {
      process_.start_on_shard(index, [this, index] {
        const Error why = shards_[index]->wait_until_failed();
        if (why.code == Code::cancelled) return;
        note(std::unexpected(why));
        process_.interrupt();
      });
    }
  }
  std::optional<Error> failure() {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

  void stop() {
    process_.for_each_shard([this](std::uint32_t index, io::World&) {
      if (shards_[index]) shards_[index]->stop();
    });
    process_.for_each_shard([this](std::uint32_t index, io::World&) { shards_[index].reset(); });
  }

 private:
  void note(Result<void> result) {
    if (result) return;
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = result.error();
  }

  Process& process_;
  const node::Options options_;
  std::vector<std::unique_ptr<node::Shard>> shards_;
  std::vector<io::FiberId> opening_;  // who opens the shard, on its loop
  std::atomic<bool> given_up_ = false;
  std::mutex mutex_;
  std::optional<Error> failure_;  // the first
};

Result<void> servable(const Settings& settings) {
  const Result<void> limits = node::check_limits(settings.node);
  if (!limits) {
    return fail(Code::invalid, "--request-bytes-max, --segment-bytes: " + limits.error().detail);
  }
  return {};
}

int serve(Settings settings) {
  if (const Result<void> can = servable(settings); !can) return refuse(can.error(), 64);
  if (!settings.secret_file.empty()) {
    const Result<std::string> secret = read_secret(settings.secret_file);
    if (!secret) return refuse(secret.error(), exit_code(secret.error().code));
    settings.process.secret = *secret;
    settings.node.admits = [secret = *secret](const io::Request& request, std::string_view body,
                                              WallTime now) {
      return admit(secret, request, body, now);
    };
    settings.node.proves = [secret = *secret](const io::Request& request, std::string_view body,
                                              WallTime now) {
      return proof_of(secret, request, body, now);
    };
  }
  Result<std::shared_ptr<const Credentials>> credentials = Credentials::load(settings.tls);
  if (!credentials) return refuse(credentials.error(), 64);
  settings.process.credentials = *std::move(credentials);
  settings.node.version = PERDURE_VERSION;
  Parts parts;
  Result<std::unique_ptr<Process>> process = Process::make(settings.process, parts.factories());
  if (!process) return refuse(process.error(), exit_code(process.error().code));

  settings.node.metrics = [&counted = **process] { return prometheus(counted.counters()); };
  Server server(**process, settings.node);
  Result<node::Addresses> bound = fail(Code::cancelled, "told to stop");
  std::thread starting([&] {  // for as long as others let it wait
    bound = server.start();
    if (!bound) return (*process)->interrupt();
    std::printf("ready ingress=%s admin=%s node=%s\n", bound->ingress.c_str(), bound->admin.c_str(),
                bound->node.c_str());
    std::fflush(stdout);
    server.watch();
  });
  (*process)->wait_for_signal();
  server.give_up();
  starting.join();
  if (bound && server.failure()) {
    const Error why = *server.failure();
    std::_Exit(refuse(why, exit_code(why.code)));  // the next start recovers
  }
  server.stop();
  (*process)->stop();
  if (bound || bound.error().code == Code::cancelled) return 0;
  return refuse(bound.error(), exit_code(bound.error().code));
}

// Everything but the tables and the disk stays unused: no address is bound, no log opened.
int handle_snapshots(const HandleSnapshots& command) {
  const std::string mark = command.data_dir + "/" + node::data_directory_mark();
  if (::access(mark.c_str(), F_OK) != 0) {
    return refuse({Code::not_found, "there is no data directory of a server: no file " + mark}, 65);
  }
  Parts parts;
  Result<std::unique_ptr<Process>> process = Process::make(
      {.shards = 1, .data_dir = command.data_dir, .bucket = {}, .log = {}}, parts.factories());
  if (!process) return refuse(process.error(), exit_code(process.error().code));
  Result<std::string> text;
  (*process)->on_shard(
      0, [&](io::World& world) { text = node::run_verb(command.verb, world, command.partition); });
  (*process)->stop();
  if (!text) return refuse(text.error(), exit_code(text.error().code));
  std::fputs(text->c_str(), stdout);
  return 0;
}

int run(int argc, char** argv) {
  report_crashes();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  std::vector<std::string> environment;
  for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);

  Result<Command> command = parse_command(arguments, environment, PERDURE_VERSION);
  if (!command) return refuse(command.error(), 64);
  if (const Print* print = std::get_if<Print>(&*command)) {
    std::fputs(print->text.c_str(), stdout);
    return 0;
  }
  if (const Act* act = std::get_if<Act>(&*command)) return act->run();
  if (const auto* snapshots = std::get_if<HandleSnapshots>(&*command)) {
    return handle_snapshots(*snapshots);
  }
  return serve(std::get<Serve>(std::move(*command)).settings);
}

}  // namespace
}  // namespace perdure::net

int main(int argc, char** argv) { return perdure::net::run(argc, argv); }
