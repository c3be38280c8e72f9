#include "sdk/serve/serve.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <cstdio>
#include <memory>
#include <thread>
#include <utility>

#include "engine/http/http_over_streams.h"
#include "net/loop/loop.h"
#include "net/loop/offload.h"
#include "net/sockets/names.h"
#include "net/sockets/sockets.h"
#include "net/trace/trace.h"

namespace perdure::sdk {
namespace {

constexpr int address_unusable = 69;

class PoolWorkers final : public Workers {
 public:
  explicit PoolWorkers(net::Offload& offload) : offload_(offload) {}
  void run(std::function<void()> job) override { offload_.run(std::move(job)); }

 private:
  net::Offload& offload_;
};

// All that one loop needs.  Order matters: what is below uses what is above.
struct Host {
  explicit Host(const ServeOptions& options)
      : pool("work", options.blocking_threads),
        offload(loop, pool),
        log({.level = options.debug ? io::Level::debug : io::Level::info}),
        trace(log, loop.clock, 0),
        names(offload),
        streams(loop, names, ports),
        http(streams, loop.scheduler, loop.clock, trace),
        workers(offload) {}

  net::Loop loop;
  net::Pool pool;
  net::Offload offload;
  net::Log log;
  net::ShardTrace trace;
  net::SystemNames names;
  net::Ports ports;
  net::SocketStreams streams;
  http::HttpOverStreams http;
  PoolWorkers workers;
};

sigset_t stop_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

// Ends `parked` fiber's sleep when a signal comes; a thread, since the loop knows no
// signals.  Destroyed: waits no more.
class SignalWatch {
 public:
  explicit SignalWatch(std::function<void()> came)
      : over_(::eventfd(0, EFD_CLOEXEC)), thread_([this, came = std::move(came)] { wait(came); }) {}
  ~SignalWatch() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(over_.get(), &one, sizeof one);
    thread_.join();
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void wait(const std::function<void()>& came) {
    const sigset_t set = stop_signals();
    const net::Fd signals(::signalfd(-1, &set, SFD_CLOEXEC));
    pollfd waited[] = {{.fd = signals.get(), .events = POLLIN, .revents = 0},
                       {.fd = over_.get(), .events = POLLIN, .revents = 0}};
    while (::poll(waited, 2, -1) <= 0) {
    }
    if (waited[0].revents != 0) came();
  }

  net::Fd over_;
  std::thread thread_;
};

void tell_ready(const ServeOptions& options, const std::string& address) {
  if (options.ready) return options.ready(address);
  std::printf("ready %s\n", address.c_str());
  std::fflush(stdout);
}

}  // namespace

int serve(std::vector<Service> services, ServeOptions options) {
  ::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);  // before any thread exists, so in all of them

  Host host(options);
  const Endpoint endpoint(std::move(services), options.endpoint,
                          {.clock = host.loop.clock,
                           .fibers = host.loop.scheduler,
                           .trace = host.trace,
                           .workers = &host.workers});
  int code = 0;
  io::Event stop(host.loop.scheduler);
  bool stopping = false;
  host.loop.scheduler.spawn_root("serve", [&] {
    auto server = host.http.serve(options.address, {},
                                  [&](io::Exchange& exchange) { endpoint.serve(exchange); });
    if (!server) {
      std::fprintf(stderr, "cannot serve on %s: %s\n", options.address.c_str(),
                   server.error().detail.c_str());
      code = address_unusable;
      return host.loop.stop();
    }
    tell_ready(options, (*server)->address());
    while (!stopping) (void)stop.wait();
    (*server)->stop(host.loop.scheduler.now() + options.drain);
    server->reset();
    host.http.stop();
    host.loop.stop();
  });
  {
    const SignalWatch signals([&] {
      host.loop.post([&] {
        stopping = true;
        stop.notify_all();
      });
    });
    host.loop.run();
  }
  host.pool.stop();
  host.loop.scheduler.kill_all();
  return code;
}

}  // namespace perdure::sdk
