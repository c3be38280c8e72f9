// What HTTP costs, server and client together: requests of 64 bytes that are echoed, some
// at a time, and a long body each way.  Over pipes in memory it is our own work alone;
// over the loopback the kernel's is added.  HTTP/1 and HTTP/2 by the first argument.
#include <benchmark/benchmark.h>

#include "engine/http/http_over_streams.h"
#include "host/manual_loop.h"
#include "net/loop/offload.h"
#include "net/sockets/names.h"
#include "net/sockets/sockets.h"
#include "tests/net/run_on_loop.h"
#include "tests/support/pipes.h"
#include "tests/support/silent_trace.h"

namespace perdure::http {
namespace {

class OverPipes {
 public:
  io::Fibers& fibers() { return loop_.fibers; }
  io::Clock& clock() { return loop_.clock; }
  io::Streams& streams() { return pipes_; }
  template <class Body>
  void run(Body body) {
    CHECK(loop_.run(std::move(body)));
  }

 private:
  host::ManualLoop loop_;
  perdure::test::Pipes pipes_{loop_.fibers};
};

class OverLoopback {
 public:
  ~OverLoopback() { pool_.stop(); }
  io::Fibers& fibers() { return loop_.scheduler; }
  io::Clock& clock() { return loop_.clock; }
  io::Streams& streams() { return streams_; }
  template <class Body>
  void run(Body body) {
    net::run_on(loop_, std::move(body));
  }

 private:
  net::Loop loop_;
  net::Pool pool_{"bench", 1};
  net::Offload offload_{loop_, pool_};
  net::SystemNames names_{offload_};
  net::Ports ports_;
  net::SocketStreams streams_{loop_, names_, ports_};
};

std::string read_all(auto& body) {
  std::string all;
  while (true) {
    auto some = body.read(io::never);
    CHECK(some.has_value());
    if (some->empty()) return all;
    all.empty() ? all = std::move(*some) : all += *some;
  }
}

// A server that answers what it is asked, and its client.
template <class Ways>
class House {
 public:
  explicit House(benchmark::State& state)
      : version_(state.range(0) == 1 ? io::HttpVersion::http1 : io::HttpVersion::http2) {}

  // `body` in a fiber, while the server serves.
  template <class Body>
  void run(Body body) {
    ways.run([&] {
      auto server = http_.serve("127.0.0.1:0", {}, [](io::Exchange& exchange) {
        exchange.respond({}, read_all(exchange));
      });
      target_ = {.scheme = "http", .authority = (*server)->address(), .version = version_};
      body();
      (*server)->stop(io::never);
      http_.stop();
    });
  }
  std::string ask(std::string_view said) {
    io::Request request = {.method = "POST",
                           .target = "/Greeter/greet",
                           .authority = "",
                           .headers = {{"content-type", "application/json"}}};
    auto call = http_.call(target_, std::move(request), io::never);
    CHECK(call.has_value() && (*call)->write(said, io::never).has_value());
    (*call)->finish();
    CHECK((*call)->response(io::never).has_value());
    return read_all(**call);
  }

  Ways ways;

 private:
  const io::HttpVersion version_;
  tests::SilentTrace trace_;
  HttpOverStreams http_{ways.streams(), ways.fibers(), ways.clock(), trace_};
  io::HttpTarget target_;
};

template <class Ways>
void requests(benchmark::State& state) {
  House<Ways> house(state);
  const std::string said(64, 'x');
  constexpr int each = 10;
  const auto at_once = static_cast<int>(state.range(1));
  house.run([&] {
    for (auto _ : state) {
      io::Group callers(house.ways.fibers());
      for (int i = 0; i < at_once; ++i) {
        callers.start("calls", [&] {
          for (int n = 0; n < each; ++n) CHECK(house.ask(said) == said);
        });
      }
      callers.join();
    }
  });
  state.SetItemsProcessed(state.iterations() * at_once * each);
}
BENCHMARK(requests<OverPipes>)->ArgsProduct({{1, 2}, {1, 64}});
BENCHMARK(requests<OverLoopback>)->ArgsProduct({{1, 2}, {1, 64}});

// Bytes there and back again.
template <class Ways>
void long_bodies(benchmark::State& state) {
  House<Ways> house(state);
  const std::string said(4 << 20, 'x');
  house.run([&] {
    for (auto _ : state) CHECK(house.ask(said).size() == said.size());
  });
  state.SetBytesProcessed(state.iterations() * 2 * static_cast<std::int64_t>(said.size()));
}
BENCHMARK(long_bodies<OverPipes>)->Arg(1)->Arg(2);
BENCHMARK(long_bodies<OverLoopback>)->Arg(1)->Arg(2);

}  // namespace
}  // namespace perdure::http

BENCHMARK_MAIN();
