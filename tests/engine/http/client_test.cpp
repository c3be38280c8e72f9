// Our client against our server, over both protocols.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

#include "tests/engine/http/frames.h"
#include "tests/engine/http/harness.h"

namespace perdure::http::test {
namespace {

io::Request request(std::string method, std::string target) {
  return {.method = std::move(method), .target = std::move(target), .authority = "", .headers = {}};
}

// A whole exchange: head, body, answer.  An error as text.
std::string ask(House& house, io::HttpVersion version, std::string target, std::string body = "") {
  auto call =
      house.http.call(house.target(version), request("POST", std::move(target)), house.in(5s));
  if (!call) return "!" + std::string(name_of(call.error().code));
  if (!body.empty()) {
    if (auto written = (*call)->write(body, house.in(5s)); !written) {
      return "!write " + std::string(name_of(written.error().code));
    }
  }
  (*call)->finish();
  auto response = (*call)->response(house.in(5s));
  if (!response) return "!" + std::string(name_of(response.error().code));
  return std::to_string(response->status) + " " + read_all(house, **call);
}

class Client : public testing::TestWithParam<io::HttpVersion> {
 protected:
  io::HttpVersion version() const { return GetParam(); }
  bool is_h2() const { return version() == io::HttpVersion::http2; }
};
INSTANTIATE_TEST_SUITE_P(Both, Client,
                         testing::Values(io::HttpVersion::http1, io::HttpVersion::http2),
                         [](const auto& param) {
                           return param.param == io::HttpVersion::http1 ? "H1" : "H2";
                         });

TEST_P(Client, AsksAndIsAnswered) {
  House house;
  EXPECT_TRUE(house.run(echo(house), [&] {
    EXPECT_EQ(ask(house, version(), "/a?b", "hello"), "200 POST /a?b hello");
    EXPECT_EQ(ask(house, version(), "/empty"), "200 POST /empty ");
    const std::string large(3'000'000, 'x');
    EXPECT_EQ(ask(house, version(), "/large", large), "200 POST /large " + large);
  }));
  EXPECT_EQ(house.pipes.connects, 1u);
}

TEST_P(Client, HeadersArriveAsTheyWereSaid) {
  House house;
  io::Request seen;
  const auto serve = [&](io::Exchange& exchange) {
    seen = exchange.request();
    EXPECT_EQ(exchange.version(), version());
    exchange.respond(
        {.status = 201, .headers = {{"X-Two", "b"}, {"set-cookie", "1"}, {"set-cookie", "2"}}}, "");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    io::Request asked = request("PUT", "/x");
    asked.authority = "example:99";
    asked.headers = {{"X-One", "a"}, {"te", "trailers"}, {"connection", "close"}, {"host", "no"}};
    auto call = house.http.call(house.target(version()), asked, house.in(5s)).value();
    call->finish();
    auto response = call->response(house.in(5s)).value();
    EXPECT_EQ(response.status, 201);
    std::erase_if(response.headers, [](const io::Header& h) { return h.name == "date"; });
    EXPECT_EQ(
        response.headers,
        (io::Headers{
            {"x-two", "b"}, {"set-cookie", "1"}, {"set-cookie", "2"}, {"content-length", "0"}}));
  }));
  EXPECT_EQ(seen.authority, "example:99");
  EXPECT_EQ(seen.method, "PUT");
  std::erase_if(seen.headers, [](const io::Header& h) { return h.name == "content-length"; });
  EXPECT_EQ(seen.headers, (io::Headers{{"x-one", "a"}}));
}

TEST_P(Client, RefusesToSayWhatIsNotARequest) {
  House house;
  EXPECT_TRUE(house.run(echo(house), [&] {
    const auto code_of = [&](io::Request asked, io::HttpTarget target) {
      auto call = house.http.call(target, std::move(asked), house.in(1s));
      return call ? Code::full : call.error().code;
    };
    const io::HttpTarget target = house.target(version());
    EXPECT_EQ(code_of(request("GET", "/a b"), target), Code::invalid);
    EXPECT_EQ(code_of(request("GET", "/a\r\nx: y"), target), Code::invalid);
    EXPECT_EQ(code_of(request("GET", "x"), target), Code::invalid);
    EXPECT_EQ(code_of(request("G T", "/"), target), Code::invalid);
    io::Request bad = request("GET", "/");
    bad.headers = {{"x", "a\nb"}};
    EXPECT_EQ(code_of(bad, target), Code::invalid);
    io::HttpTarget secure = target;
    secure.scheme = "https";
    EXPECT_EQ(code_of(request("GET", "/"), secure), Code::invalid);
  }));
}

TEST_P(Client, StreamsBothWaysAtOnce) {
  House house;
  const auto serve = [&](io::Exchange& exchange) {
    exchange.start(plain());
    while (true) {
      const auto some = exchange.read(house.in(60s));
      ASSERT_TRUE(some);
      if (some->empty()) break;
      ASSERT_TRUE(exchange.write("<" + *some + ">", house.in(60s)));
    }
    exchange.finish();
  };
  EXPECT_TRUE(house.run(serve, [&] {
    auto call =
        house.http.call(house.target(version()), request("POST", "/"), house.in(5s)).value();
    ASSERT_EQ(call->response(house.in(5s)).value().status, 200);
    for (const char* word : {"one", "two", "three"}) {
      ASSERT_TRUE(call->write(word, house.in(5s)));
      EXPECT_EQ(call->read(house.in(5s)).value(), "<" + std::string(word) + ">");
      EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(50s)));
    }
    call->finish();
    EXPECT_EQ(call->read(house.in(5s)).value(), "");
  }));
}

TEST_P(Client, ReusesItsConnection) {
  House house;
  EXPECT_TRUE(house.run(echo(house), [&] {
    for (int i = 0; i < 200; ++i) EXPECT_EQ(ask(house, version(), "/", "x"), "200 POST / x");
    EXPECT_EQ(house.pipes.connects, 1u);
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(6min)));  // idle for too long
    EXPECT_EQ(ask(house, version(), "/", "x"), "200 POST / x");
    EXPECT_EQ(house.pipes.connects, 2u);
  }));
}

TEST_P(Client, ManyAtOnceShareConnections) {
  House house;
  const auto serve = [&](io::Exchange& exchange) {
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(1s)));
    exchange.respond(plain(), exchange.request().target);
  };
  EXPECT_TRUE(house.run(serve, [&] {
    io::Group callers(house.loop.fibers);
    int right = 0;
    for (int i = 0; i < 300; ++i) {
      callers.start("caller", [&, i] {
        const std::string target = "/" + std::to_string(i);
        right += ask(house, version(), target) == "200 " + target;
      });
    }
    callers.join();
    EXPECT_EQ(right, 300);
    EXPECT_EQ(house.pipes.connects, is_h2() ? 3u : 300u);  // 128 streams a connection
  }));
}

TEST_P(Client, WaitsForRoomWhenTheConnectionsAreUsedUp) {
  House house({.streams_per_connection = 2, .connections_per_target = 2});
  const auto serve = [&](io::Exchange& exchange) {
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(100ms)));
    exchange.respond(plain(), "");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    io::Group callers(house.loop.fibers);
    int right = 0;
    for (int i = 0; i < 12; ++i) {
      callers.start("caller", [&] { right += ask(house, version(), "/") == "200 "; });
    }
    callers.join();
    EXPECT_EQ(right, 12);
    EXPECT_EQ(house.pipes.connects, 2u);
  }));
}

TEST_P(Client, HearsAnEarlyAnswerWhileItStillWrites) {
  House house;
  const auto serve = [&](io::Exchange& exchange) { exchange.respond(plain(413), "no"); };
  EXPECT_TRUE(house.run(serve, [&] {
    auto call =
        house.http.call(house.target(version()), request("POST", "/"), house.in(5s)).value();
    ASSERT_TRUE(call->write("a beginning", house.in(5s)));
    EXPECT_EQ(call->response(house.in(5s)).value().status, 413);
    EXPECT_EQ(read_all(house, *call), "no");
    // The server wants no more; sooner or later a write says so, and never hangs.
    Result<void> written;
    for (int i = 0; i < 100 && written; ++i) {
      written = call->write(std::string(100'000, 'x'), house.in(70s));
      house.settle(2);
    }
    EXPECT_FALSE(written);
    EXPECT_EQ(written.error().code, Code::failed);
    call.reset();
    EXPECT_EQ(ask(house, version(), "/"), "413 no");
  }));
}

TEST_P(Client, AResetInMidBodyIsFailed) {
  House house;
  const auto serve = [&](io::Exchange& exchange) {
    exchange.start(plain());
    (void)exchange.write("half", house.in(1s));
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(1s)));
    exchange.reset();
  };
  EXPECT_TRUE(house.run(serve, [&] { EXPECT_EQ(ask(house, version(), "/"), "200 half!failed"); }));
}

TEST_P(Client, ABrokenConnectionFailsItsCallsAndTheNextGetsANewOne) {
  House house;
  const auto serve = [&](io::Exchange& exchange) {
    if (exchange.request().target == "/slow") (void)house.loop.fibers.sleep_until(house.in(1h));
    exchange.respond(plain(), "");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    house.loop.scheduler.spawn_root("breaker", [&] {
      EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(1s)));
      house.pipes.break_all();
    });
    EXPECT_EQ(ask(house, version(), "/slow"), "!failed");
    EXPECT_EQ(ask(house, version(), "/"), "200 ");
  }));
}

TEST_P(Client, ConnectsThatFailAreFailed) {
  House house;
  EXPECT_TRUE(house.run(echo(house), [&] {
    io::HttpTarget nobody = house.target(version());
    nobody.authority = "127.0.0.1:1";
    auto call = house.http.call(nobody, request("GET", "/"), house.in(5s));
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().code, Code::failed);
    house.pipes.unreachable = true;
    const Instant begun = house.in(0s);
    call = house.http.call(nobody, request("GET", "/"), house.in(5s));
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().code, Code::timed_out);  // the caller's patience
    call = house.http.call(nobody, request("GET", "/"), house.in(60s));
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().code, Code::failed);  // ours: ten seconds
    EXPECT_LE(house.in(0s) - begun, 16s);
  }));
}

TEST_P(Client, AnswersTimeOutAndTheServerLearnsOfIt) {
  House house;
  Code heard = Code::full;
  const auto serve = [&](io::Exchange& exchange) {
    const auto slept = house.loop.fibers.sleep_until(house.in(1h));
    heard = slept ? Code::full : slept.error().code;
    exchange.respond(plain(), "");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    EXPECT_EQ(ask(house, version(), "/"), "!timed_out");
    house.settle();
    EXPECT_EQ(heard, Code::cancelled);
  }));
}

TEST_P(Client, ManyReadersOfOneConnectionAreHeldInBounds) {
  House house;
  std::size_t written = 0;
  const auto serve = [&](io::Exchange& exchange) {
    exchange.start(plain());
    const std::string piece(10'000, 'x');
    while (written < 20'000'000 && exchange.write(piece, house.in(30s))) written += piece.size();
    exchange.finish();
  };
  EXPECT_TRUE(house.run(serve, [&] {
    auto call =
        house.http.call(house.target(version()), request("POST", "/"), house.in(5s)).value();
    call->finish();
    ASSERT_TRUE(call->response(house.in(5s)));
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(10s)));
    EXPECT_LT(written, 4'000'000u);  // window, pipe, buffers
    EXPECT_EQ(read_all(house, *call).size(), 20'000'000u);
  }));
}

TEST_P(Client, ADepartedCallerStopsTheServer) {
  House house;
  bool ended_early = false;
  const auto serve = [&](io::Exchange& exchange) {
    exchange.start(plain());
    while (true) {
      if (auto written = exchange.write(std::string(10'000, 'x'), house.in(30s)); !written) break;
    }
    ended_early = true;
  };
  EXPECT_TRUE(house.run(serve, [&] {
    auto call = house.http.call(house.target(version()), request("GET", "/"), house.in(5s)).value();
    call->finish();
    ASSERT_TRUE(call->response(house.in(5s)));
    call.reset();
    house.settle(50);
    EXPECT_TRUE(ended_early);
    EXPECT_TRUE(house.http.call(house.target(version()), request("GET", "/"), house.in(5s)));
  }));
}

TEST_P(Client, AHeadRequestHasNoBody) {
  House house;
  EXPECT_TRUE(house.run(
      [](io::Exchange& e) { e.respond(plain(), "12345"); },
      [&] {
        for (int i = 0; i < 2; ++i) {
          auto call =
              house.http.call(house.target(version()), request("HEAD", "/"), house.in(5s)).value();
          call->finish();
          const io::Response response = call->response(house.in(5s)).value();
          EXPECT_EQ(*io::find_header(response.headers, "content-length"), "5");
          EXPECT_EQ(read_all(house, *call), "");
        }
        EXPECT_EQ(house.pipes.connects, 1u);
      }));
}

// stop() lets what is under way end, and what comes later go to somebody else.
TEST_P(Client, AServerThatStopsAnswersWhatItHasBegun) {
  House house;
  const auto serve = [&](io::Exchange& exchange) {
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(1s)));
    exchange.respond(plain(), "done");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    io::Group callers(house.loop.fibers);
    std::string first;
    callers.start("caller", [&] { first = ask(house, version(), "/"); });
    house.settle();
    callers.start("stop", [&] { house.server->stop(house.in(10s)); });
    house.settle();
    EXPECT_EQ(ask(house, version(), "/"), "!failed");  // refused: nobody listens
    callers.join();
    EXPECT_EQ(first, "200 done");
  }));
}

// Whoever has heard everything, but has not let go of its call yet, is not waited for.
TEST_P(Client, ACallThatWasHeardToItsEndDoesNotHoldUpAServerThatStops) {
  House house;
  EXPECT_TRUE(house.run(echo(house), [&] {
    auto call =
        house.http.call(house.target(version()), request("POST", "/"), house.in(5s)).value();
    call->finish();
    ASSERT_TRUE(call->response(house.in(5s)));
    EXPECT_EQ(read_all(house, *call), "POST / ");
    const Instant begun = house.in(0s);
    house.server->stop(house.in(30s));
    EXPECT_LT(house.in(0s) - begun, 1s);
    EXPECT_EQ(call->read(house.in(5s)), "");
  }));
}

// Most clients keep connections for later, and not all close them when they are told to.
TEST_P(Client, AnIdleClientDoesNotHoldUpAServerThatStops) {
  House house;
  EXPECT_TRUE(house.run(echo(house), [&] {
    RawClient idle(house);
    idle.say(is_h2() ? hello() + get(1) : "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    EXPECT_NE(idle.hear(3s), "");
    const Instant begun = house.in(0s);
    house.server->stop(house.in(30s));
    EXPECT_LT(house.in(0s) - begun, 1s);
    (void)idle.hear();
    EXPECT_TRUE(idle.closed || idle.broken);
  }));
}

TEST_P(Client, NorDoesOneThatHasJustBeenAnswered) {
  House house;
  EXPECT_TRUE(house.run(echo(house), [&] {
    RawClient used(house);
    used.say(is_h2() ? hello() + get(1) : "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    EXPECT_NE(used.hear(10ms), "");
    const Instant begun = house.in(0s);
    house.server->stop(house.in(30s));
    EXPECT_LT(house.in(0s) - begun, 500ms);
  }));
}

// A slow network, or a slow reader: nobody may take the rest of its answer away.
TEST_P(Client, AnAnswerThatIsStillOnItsWayIsWaitedFor) {
  House house;
  EXPECT_TRUE(house.run(echo(house), [&] {
    house.pipes.far = true;
    RawClient slow(house);
    slow.say(is_h2() ? hello() + get(1) : "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    house.settle();  // it is answered, and reads nothing yet
    bool stopped = false;
    house.loop.scheduler.spawn_root("stop", [&] {
      house.server->stop(house.in(30s));
      stopped = true;
    });
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(5s)));
    EXPECT_FALSE(stopped);
    EXPECT_NE(slow.hear().find("GET /"), std::string::npos);
    EXPECT_TRUE(slow.closed);
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(1s)));
    EXPECT_TRUE(stopped);
  }));
}

// It is accepted in the turn in which the server stops, when nobody will serve it any more.
TEST_P(Client, AConnectionThatComesWhileAServerStopsIsReset) {
  House house;
  EXPECT_TRUE(house.run(echo(house), [&] {
    house.settle();  // it accepts
    RawClient late(house);
    house.server->stop(house.in(1s));
    late.hear();
    EXPECT_TRUE(late.broken);
  }));
}

TEST_P(Client, AServerThatMustStopCancelsWhatWouldNotEnd) {
  House house;
  const auto serve = [&](io::Exchange& exchange) {
    if (!house.loop.fibers.sleep_until(house.in(1h))) return exchange.reset();
    exchange.respond(plain(), "done");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    io::Group callers(house.loop.fibers);
    std::string first;
    callers.start("caller", [&] { first = ask(house, version(), "/"); });
    house.settle();
    const Instant begun = house.in(0s);
    house.server->stop(house.in(2s));
    EXPECT_LE(house.in(0s) - begun, 3s);
    callers.join();
    EXPECT_EQ(first, "!failed");
  }));
}

TEST_P(Client, AskingSurvivesAnyCutOfTheBytes) {
  EXPECT_TRUE(rc::check([this] {
    House house;
    std::uint32_t state = *rc::gen::inRange<std::uint32_t>(0, 1'000'000'000);
    const bool bytewise = *rc::gen::element(true, false, false);
    house.pipes.cut = [&state, bytewise](std::size_t available) {
      state = state * 1664525 + 1013904223;
      return bytewise ? 1 : 1 + (state >> 8) % std::min<std::size_t>(available, 900);
    };
    house.pipes.buffer_bytes = *rc::gen::element<std::size_t>(1, 100, 70'000);
    house.limits.body_buffer_bytes = *rc::gen::element<std::size_t>(1, 100, 70'000);
    const std::string body(*rc::gen::inRange<std::size_t>(0, 5000), 'b');
    bool right = true;
    RC_ASSERT(house.run(echo(house), [&] {
      right = ask(house, version(), "/1", body) == "200 POST /1 " + body &&
              ask(house, version(), "/2") == "200 POST /2 ";
    }));
    RC_ASSERT(right);
  }));
}

}  // namespace
}  // namespace perdure::http::test
