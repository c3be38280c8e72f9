// tests/io/http_houses.h
//
// Where the suite of io::Http runs: engine/http over each host's streams, by both of its
// protocols, and the simulator's answer at message level.  Server and caller are on one
// host.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "engine/http/http_over_streams.h"
#include "engine/io/http.h"
#include "tests/io/net_twin.h"
#include "tests/io/silent_trace.h"
#include "tests/io/sim_twin.h"

namespace perdure::io {

class HttpHouse {
 public:
  virtual ~HttpHouse() = default;
  virtual Twin& twin() = 0;
  virtual Http& http() = 0;
  virtual void stop() {}  // from a fiber, last of all
};

class OverStreams final : public HttpHouse {
 public:
  explicit OverStreams(std::unique_ptr<Twin> twin) : twin_(std::move(twin)) {}
  Twin& twin() override { return *twin_; }
  Http& http() override { return http_; }
  void stop() override { http_.stop(); }

 private:
  std::unique_ptr<Twin> twin_;
  SilentTrace trace_;
  http::HttpOverStreams http_{twin_->streams(), twin_->fibers(), twin_->clock(), trace_};
};

class AtMessageLevel final : public HttpHouse {
 public:
  Twin& twin() override { return twin_; }
  Http& http() override { return twin_.http(); }

 private:
  SimTwin twin_;
};

struct HttpHouseMaker {
  const char* name;
  HttpVersion version;
  std::unique_ptr<HttpHouse> (*make)();
};
inline std::ostream& operator<<(std::ostream& out, const HttpHouseMaker& maker) {
  return out << maker.name;
}

inline const std::vector<HttpHouseMaker>& all_http_houses() {
  using House = std::unique_ptr<HttpHouse>;
  static constexpr auto net = [] -> House {
    return std::make_unique<OverStreams>(make_net_twin());
  };
  static constexpr auto sim = [] -> House {
    return std::make_unique<OverStreams>(make_sim_twin());
  };
  static constexpr auto message = [] -> House { return std::make_unique<AtMessageLevel>(); };
  static const std::vector<HttpHouseMaker> makers = {
      {.name = "net_http1", .version = HttpVersion::http1, .make = net},
      {.name = "net_http2", .version = HttpVersion::http2, .make = net},
      {.name = "sim_http1", .version = HttpVersion::http1, .make = sim},
      {.name = "sim_http2", .version = HttpVersion::http2, .make = sim},
      {.name = "sim_message1", .version = HttpVersion::http1, .make = message},
      {.name = "sim_message2", .version = HttpVersion::http2, .make = message},
  };
  return makers;
}

class OnHttpHouse : public testing::TestWithParam<HttpHouseMaker> {
 protected:
  void TearDown() override {
    run([&] { house_->stop(); });
  }
  void run(std::move_only_function<void()> body) { house_->twin().run(std::move(body)); }
  Fibers& fibers() { return house_->twin().fibers(); }
  Http& http() { return house_->http(); }
  Instant in(Duration span) { return house_->twin().clock().steady() + span; }
  // For what must not fail, but must not hang a test either.
  Instant soon() { return in(std::chrono::seconds(20)); }
  void pause(Duration span) { EXPECT_TRUE(fibers().sleep_until(in(span))); }

  std::unique_ptr<HttpServer> serve(Http::Serve with, HttpLimits limits = {}) {
    auto server = http().serve("127.0.0.1:0", limits, std::move(with));
    EXPECT_TRUE(server) << server.error().detail;
    return *std::move(server);
  }
  HttpTarget target(const HttpServer& server) const { return target(server.address()); }
  HttpTarget target(std::string authority) const {
    return {.scheme = "http", .authority = std::move(authority), .version = GetParam().version};
  }
  static Request request(std::string method, std::string path) {
    return {.method = std::move(method), .target = std::move(path), .authority = "", .headers = {}};
  }
  std::unique_ptr<HttpCall> call(const HttpServer& server, Request asked) {
    auto made = http().call(target(server), std::move(asked), soon());
    EXPECT_TRUE(made) << made.error().detail;
    return *std::move(made);
  }
  // A whole conversation: "200 body", or where it ended: "!failed", "200 ha!failed".
  std::string ask(const HttpServer& server, std::string path, std::string_view body = "") {
    auto made = http().call(target(server), request("POST", std::move(path)), soon());
    if (!made) return "!" + std::string(name_of(made.error().code));
    if (const auto written = (*made)->write(body, soon()); !written) {
      return "!write " + std::string(name_of(written.error().code));
    }
    (*made)->finish();
    return hear(**made);
  }
  std::string hear(HttpCall& call) {
    const auto response = call.response(soon());
    if (!response) return "!" + std::string(name_of(response.error().code));
    return std::to_string(response->status) + " " + read_all(call);
  }
  // All of a body; how it broke as text.
  template <class Body>
  std::string read_all(Body& body) {
    std::string all;
    while (true) {
      auto some = body.read(soon());
      if (!some) return all + "!" + std::string(name_of(some.error().code));
      if (some->empty()) return all;
      all += *some;
    }
  }
  // Serves by saying what it was asked.
  Http::Serve echo() {
    return [this](Exchange& exchange) {
      const std::string body = read_all(exchange);
      exchange.respond({},
                       exchange.request().method + " " + exchange.request().target + " " + body);
    };
  }

 private:
  std::unique_ptr<HttpHouse> house_ = GetParam().make();
};

}  // namespace perdure::io

#define ON_ALL_HTTP_HOUSES(Suite)                                               \
  INSTANTIATE_TEST_SUITE_P(Houses, Suite, testing::ValuesIn(all_http_houses()), \
                           [](const auto& house) { return std::string(house.param.name); })
