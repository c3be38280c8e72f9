// tests/engine/http/harness.h
//
// An http room over in-memory pipes, under virtual time, and a raw client that says
// exactly the bytes it is given.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/http/http_over_streams.h"
#include "host/manual_loop.h"
#include "tests/support/pipes.h"
#include "tests/support/silent_trace.h"

namespace perdure::http::test {

using namespace std::chrono_literals;

class House {
 public:
  explicit House(ClientLimits client = {})
      : pipes(loop.fibers), http(pipes, loop.fibers, loop.clock, trace, client) {}

  // Serves, runs the test's body in a fiber, and takes everything down again.  False: a
  // fiber never came to its end.
  bool run(io::Http::Serve serve, std::function<void()> body) {
    return loop.run([&] {
      server = http.serve("127.0.0.1:0", limits, std::move(serve)).value();
      address = server->address();
      body();
      server->stop(loop.in(1s));
      http.stop();
      server.reset();
    });
  }

  Instant in(Duration span) const { return loop.in(span); }
  io::HttpTarget target(io::HttpVersion version) const {
    return {.scheme = "http", .authority = address, .version = version};
  }
  // Lets everything that can happen without time passing happen.
  void settle(int turns = 20) {
    for (int i = 0; i < turns; ++i) loop.fibers.yield();
  }

  host::ManualLoop loop;
  perdure::test::Pipes pipes;
  tests::SilentTrace trace;
  HttpOverStreams http;
  io::HttpLimits limits;
  std::unique_ptr<io::HttpServer> server;
  std::string address;
};

// A connection of a client that need not keep to any protocol.
class RawClient {
 public:
  explicit RawClient(House& house)
      : house_(house), stream_(house.pipes.connect(house.address, house.in(1s)).value()) {}

  // False: the connection broke first.
  bool say(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto some = stream_->write(as_bytes(bytes), house_.in(30s));
      if (!some) return false;
      bytes.remove_prefix(*some);
    }
    return true;
  }
  void finish() { stream_->finish(); }
  void reset() { stream_->reset(); }

  // What comes within `patience`, or until the other side is done.
  std::string hear(Duration patience = 100ms) {
    std::string heard;
    std::byte room[4096];
    const Instant deadline = house_.in(patience);
    while (true) {
      const auto some = stream_->read(room, deadline);
      if (!some) {
        broken = some.error().code != Code::timed_out;
        return heard;
      }
      if (*some == 0) {
        closed = true;
        return heard;
      }
      heard.append(reinterpret_cast<const char*>(room), *some);
    }
  }

  bool closed = false;  // by the server, in an orderly way
  bool broken = false;  // reset

 private:
  House& house_;
  std::unique_ptr<io::Stream> stream_;
};

inline io::Response plain(int status = 200) {
  return {.status = status, .headers = {{.name = "content-type", .value = "text/plain"}}};
}

// Everything of a body; an error as text, so that a test shows it.
template <class Body>
std::string read_all(House& house, Body& body) {
  std::string all;
  while (true) {
    auto some = body.read(house.in(60s));
    if (!some) return all + "!" + std::string(name_of(some.error().code));
    if (some->empty()) return all;
    all += *some;
  }
}

// Answers with what it was asked.
inline io::Http::Serve echo(House& house) {
  return [&house](io::Exchange& exchange) {
    const std::string body = read_all(house, exchange);
    const io::Request& request = exchange.request();
    exchange.respond(plain(), request.method + " " + request.target + " " + body);
  };
}

}  // namespace perdure::http::test
