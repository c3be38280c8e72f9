#include <algorithm>

#include "tests/io/http_houses.h"

namespace perdure::io {
namespace {

using namespace std::chrono_literals;

class HttpTwins : public OnHttpHouse {};

TEST_P(HttpTwins, AnswersWhatItIsAsked) {
  run([&] {
    const auto server = serve(echo());
    EXPECT_EQ(ask(*server, "/a?b=c", "hello"), "200 POST /a?b=c hello");
    EXPECT_EQ(ask(*server, "/empty"), "200 POST /empty ");
    const std::string large(3'000'000, 'x');
    EXPECT_TRUE(ask(*server, "/large", large) == "200 POST /large " + large);
    server->stop(soon());
  });
}

// What is of one hop, or said by the protocol itself, is not a header here.
TEST_P(HttpTwins, HeadsArriveAsTheyWereSaid) {
  run([&] {
    Request seen;
    const auto server = serve([&](Exchange& exchange) {
      seen = exchange.request();
      EXPECT_EQ(exchange.version(), GetParam().version);
      EXPECT_NE(exchange.peer(), "");
      exchange.respond({.status = 201,
                        .headers = {{"X-Two", "b"},
                                    {"set-cookie", "1"},
                                    {"set-cookie", "2"},
                                    {"connection", "close"}}},
                       "");
    });
    Request asked = request("PUT", "/x");
    asked.authority = "example:99";
    asked.headers = {{"X-One", "a"}, {"te", "trailers"}, {"connection", "close"}, {"host", "no"}};
    auto made = call(*server, asked);
    made->finish();
    auto response = made->response(soon());
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 201);
    const auto said_by_the_protocol = [](const Header& header) {
      return header.name == "date" || header.name == "content-length";
    };
    std::erase_if(response->headers, said_by_the_protocol);
    EXPECT_EQ(response->headers,
              (Headers{{"x-two", "b"}, {"set-cookie", "1"}, {"set-cookie", "2"}}));
    EXPECT_EQ(read_all(*made), "");
    std::erase_if(seen.headers, said_by_the_protocol);
    EXPECT_EQ(seen.method, "PUT");
    EXPECT_EQ(seen.target, "/x");
    EXPECT_EQ(seen.authority, "example:99");
    EXPECT_EQ(seen.headers, (Headers{{"x-one", "a"}}));
    ask(*server, "/");  // without an authority of its own
    EXPECT_EQ(seen.authority, server->address());
    server->stop(soon());
  });
}

TEST_P(HttpTwins, WhatIsNoRequestIsInvalid) {
  run([&] {
    const auto server = serve(echo());
    const auto code_of = [&](Request asked, const HttpTarget& to) {
      const auto made = http().call(to, std::move(asked), soon());
      return made ? "a call" : name_of(made.error().code);
    };
    const HttpTarget to = target(*server);
    EXPECT_EQ(code_of(request("GET", "/a b"), to), "invalid");
    EXPECT_EQ(code_of(request("GET", "/a\r\nx: y"), to), "invalid");
    EXPECT_EQ(code_of(request("G T", "/"), to), "invalid");
    Request bad = request("GET", "/");
    bad.headers = {{"x", "a\nb"}};
    EXPECT_EQ(code_of(bad, to), "invalid");
    HttpTarget secure = to;
    secure.scheme = "https";
    EXPECT_EQ(code_of(request("GET", "/"), secure), "invalid");
    EXPECT_EQ(code_of(request("GET", "/"), target("no address")), "invalid");
    server->stop(soon());
  });
}

TEST_P(HttpTwins, ServesAtAnAddressOnly) {
  run([&] {
    for (const char* address : {"", "nonsense", "127.0.0.1:99999"}) {
      EXPECT_EQ(http().serve(address, {}, echo()).error().code, Code::invalid) << address;
    }
  });
}

TEST_P(HttpTwins, NobodyThereIsAFailure) {
  run([&] {
    auto server = serve(echo());
    const std::string address = server->address();
    server->stop(soon());
    server.reset();
    auto made = http().call(target(address), request("GET", "/"), soon());
    if (made) {
      (*made)->finish();
      EXPECT_EQ(hear(**made), "!failed");
    } else {
      EXPECT_EQ(made.error().code, Code::failed);
    }
  });
}

TEST_P(HttpTwins, BothDirectionsFlowAtOnce) {
  run([&] {
    const auto server = serve([&](Exchange& exchange) {
      exchange.start({});
      while (true) {
        const auto some = exchange.read(soon());
        ASSERT_TRUE(some);
        if (some->empty()) break;
        ASSERT_TRUE(exchange.write("<" + *some + ">", soon()));
      }
      ASSERT_TRUE(exchange.write("bye", soon()));
      exchange.finish();
    });
    const auto made = call(*server, request("POST", "/"));
    ASSERT_TRUE(made->response(soon()));
    for (const std::string word : {"one", "two", "three"}) {
      ASSERT_TRUE(made->write(word, soon()));
      std::string heard;
      while (heard.size() < word.size() + 2) {
        const auto some = made->read(soon());
        ASSERT_TRUE(some && !some->empty());
        heard += *some;
      }
      EXPECT_EQ(heard, "<" + word + ">");
    }
    made->finish();
    EXPECT_EQ(read_all(*made), "bye");
    EXPECT_EQ(made->read(soon()), "");  // an end stays an end
    server->stop(soon());
  });
}

TEST_P(HttpTwins, SomeAnswersHaveNoBody) {
  run([&] {
    const auto server = serve([](Exchange& exchange) {
      const int status = exchange.request().target == "/204" ? 204 : 200;
      if (exchange.request().target == "/streamed") {
        exchange.start({});
        (void)exchange.write("nobody asked for this", never);
        return exchange.finish();
      }
      exchange.respond({.status = status, .headers = {}}, "nor for this");
    });
    for (const char* path : {"/", "/streamed"}) {
      const auto made = call(*server, request("HEAD", path));
      made->finish();
      EXPECT_EQ(hear(*made), "200 ");
    }
    EXPECT_EQ(ask(*server, "/204"), "204 ");
    EXPECT_EQ(ask(*server, "/"), "200 nor for this");
    server->stop(soon());
  });
}

TEST_P(HttpTwins, AnAnswerMayComeBeforeTheRequestHasEnded) {
  run([&] {
    const auto server =
        serve([](Exchange& exchange) { exchange.respond({.status = 413, .headers = {}}, "no"); });
    auto made = call(*server, request("POST", "/"));
    EXPECT_TRUE(made->write("a beginning", soon()));
    EXPECT_EQ(hear(*made), "413 no");
    // It is thrown away, or refused; it never hangs.
    Result<void> written;
    for (int i = 0; i < 20 && written; ++i)
      written = made->write(std::string(100'000, 'x'), soon());
    EXPECT_NE(written ? Code::failed : written.error().code, Code::timed_out);
    made.reset();
    EXPECT_EQ(ask(*server, "/"), "413 no");
    server->stop(soon());
  });
}

// --- back-pressure ---------------------------------------------------------------------

constexpr std::size_t more_than_anything_buffers = 200 << 20;
const std::string piece(256 * 1024, 'x');

// Writes until the other side's silence makes it wait.  How many pieces were taken whole.
template <class Write>
std::size_t write_until_full(Write write) {
  std::size_t pieces = 0;
  while (pieces * piece.size() < more_than_anything_buffers) {
    if (const Result<void> written = write(); !written) {
      EXPECT_EQ(written.error().code, Code::timed_out);
      break;
    }
    ++pieces;
  }
  EXPECT_LT(pieces * piece.size(), more_than_anything_buffers);
  return pieces;
}

TEST_P(HttpTwins, ACallerWaitsForAServerThatDoesNotRead) {
  run([&] {
    Event go(fibers());
    bool reads = false;
    std::size_t read = 0;
    const auto server = serve([&](Exchange& exchange) {
      while (!reads) ASSERT_TRUE(go.wait(soon()));
      const std::string body = read_all(exchange);
      read = body.size();
      exchange.respond({}, "");
    });
    auto made = call(*server, request("POST", "/"));
    const std::size_t taken = write_until_full([&] { return made->write(piece, in(100ms)); });
    reads = true;
    go.notify_all();
    made->finish();  // behind what was taken, of the last piece too
    EXPECT_EQ(hear(*made), "200 ");
    EXPECT_GE(read, taken * piece.size());
    EXPECT_LT(read, (taken + 1) * piece.size());
    server->stop(soon());
  });
}

TEST_P(HttpTwins, AServerWaitsForACallerThatDoesNotRead) {
  run([&] {
    Event full(fibers());
    std::size_t taken = 0;
    bool is_full = false;
    const auto server = serve([&](Exchange& exchange) {
      exchange.start({});
      taken = write_until_full([&] { return exchange.write(piece, in(100ms)); });
      is_full = true;
      full.notify_all();
      exchange.finish();
    });
    auto made = call(*server, request("POST", "/"));
    made->finish();
    while (!is_full) ASSERT_TRUE(full.wait(soon()));
    const std::string heard = hear(*made);
    EXPECT_GE(heard.size(), 4 + taken * piece.size());
    EXPECT_LT(heard.size(), 4 + (taken + 1) * piece.size());
    server->stop(soon());
  });
}

TEST_P(HttpTwins, ASlowReaderHoldsUpNobodyElse) {
  run([&] {
    const auto server = serve([&](Exchange& exchange) {
      if (exchange.request().target != "/flood") return exchange.respond({}, "here");
      exchange.start({});
      while (exchange.write(piece, never)) {
      }
    });
    const auto flooded = call(*server, request("POST", "/flood"));
    flooded->finish();
    ASSERT_TRUE(flooded->response(soon()));
    pause(100ms);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(*server, "/"), "200 here");
    server->stop(in(100ms));
  });
}

// --- breaks ------------------------------------------------------------------------------

TEST_P(HttpTwins, AnEndIsToldApartFromABreak) {
  run([&] {
    const auto server = serve([&](Exchange& exchange) {
      const std::string& how = exchange.request().target;
      if (how == "/unanswered") return;
      exchange.start({});
      ASSERT_TRUE(exchange.write("half", soon()));
      pause(20ms);
      if (how == "/reset") exchange.reset();
    });
    EXPECT_EQ(ask(*server, "/unanswered"), "!failed");
    for (const char* path : {"/reset", "/unfinished"}) {
      const auto made = call(*server, request("POST", path));
      made->finish();
      ASSERT_TRUE(made->response(soon()));
      const std::string heard = read_all(*made);
      EXPECT_TRUE(heard == "half!failed" || heard == "!failed") << heard;
      EXPECT_EQ(made->read(soon()).error().code, Code::failed);  // stays so
    }
    server->stop(soon());
  });
}

TEST_P(HttpTwins, AServerLearnsThatItsCallerIsGone) {
  run([&] {
    std::string read;
    std::string written;
    bool began = false;
    Event changed(fibers());
    const auto server = serve([&](Exchange& exchange) {
      began = true;
      changed.notify_all();
      read = read_all(exchange);
      Result<void> last;
      exchange.start({});
      while (last) last = exchange.write(piece, soon());
      written = name_of(last.error().code);
      changed.notify_all();
    });
    auto made = call(*server, request("POST", "/"));
    ASSERT_TRUE(made->write("half", soon()));
    while (!began) ASSERT_TRUE(changed.wait(soon()));
    made.reset();
    while (written.empty()) ASSERT_TRUE(changed.wait(soon()));
    // Never "half" alone: that would be a whole body.
    EXPECT_TRUE(read.ends_with("!failed") || read.ends_with("!cancelled")) << read;
    EXPECT_TRUE(written == "failed" || written == "cancelled") << written;
    server->stop(soon());
  });
}

TEST_P(HttpTwins, ABrokenCallLeavesTheOthersAlone) {
  run([&] {
    Event go(fibers());
    bool gone = false;
    const auto server = serve([&](Exchange& exchange) {
      if (exchange.request().target == "/bad") return exchange.reset();
      while (!gone) ASSERT_TRUE(go.wait(soon()));
      exchange.respond({}, "fine");
    });
    const auto good = call(*server, request("POST", "/good"));
    good->finish();
    EXPECT_EQ(ask(*server, "/bad"), "!failed");
    gone = true;
    go.notify_all();
    EXPECT_EQ(hear(*good), "200 fine");
    server->stop(soon());
  });
}

// --- waiting -----------------------------------------------------------------------------

TEST_P(HttpTwins, WaitsEndAtTheirDeadlineAndMayBeginAgain) {
  run([&] {
    std::string early = "nothing";
    const auto server = serve([&](Exchange& exchange) {
      const auto some = exchange.read(in(20ms));
      early = some ? *some : std::string(name_of(some.error().code));
      pause(50ms);
      exchange.start({});
      pause(50ms);
      ASSERT_TRUE(exchange.write(read_all(exchange), soon()));
      exchange.finish();
    });
    const auto made = call(*server, request("POST", "/"));
    EXPECT_EQ(made->response(in(30ms)).error().code, Code::timed_out);
    ASSERT_TRUE(made->response(soon()));
    EXPECT_EQ(made->read(in(20ms)).error().code, Code::timed_out);
    ASSERT_TRUE(made->write("hello", soon()));
    made->finish();
    EXPECT_EQ(read_all(*made), "hello");
    EXPECT_EQ(early, "timed_out");
    server->stop(soon());
  });
}

TEST_P(HttpTwins, CancelEndsWaits) {
  run([&] {
    const auto server = serve([&](Exchange& exchange) {
      pause(50ms);
      exchange.start({});
      pause(50ms);
      exchange.finish();
    });
    const auto made = call(*server, request("POST", "/"));
    const auto cancelled = [&](std::move_only_function<Code()> wait) {
      Group group(fibers());
      Code seen = Code::failed;
      group.start("waits", [&] { seen = wait(); });
      pause(5ms);
      group.stop();
      return seen;
    };
    EXPECT_EQ(cancelled([&] { return made->response(never).error().code; }), Code::cancelled);
    ASSERT_TRUE(made->response(soon()));  // the call itself goes on
    EXPECT_EQ(cancelled([&] { return made->read(never).error().code; }), Code::cancelled);
    made->finish();
    EXPECT_EQ(read_all(*made), "");
    server->stop(soon());
  });
}

// --- limits, stopping, crowds --------------------------------------------------------------

TEST_P(HttpTwins, AHeadHasALimit) {
  run([&] {
    const auto server = serve(echo(), {.head_bytes = 2000});
    Request asked = request("POST", "/");
    asked.headers = {{"x-long", std::string(3000, 'x')}};
    const auto made = call(*server, std::move(asked));
    made->finish();
    EXPECT_EQ(hear(*made), "431 ");
    EXPECT_EQ(ask(*server, "/"), "200 POST / ");
    server->stop(soon());
  });
}

TEST_P(HttpTwins, WhatHasBegunIsAnsweredWhenAServerStops) {
  run([&] {
    const auto server = serve([&](Exchange& exchange) {
      pause(100ms);
      exchange.respond({}, "done");
    });
    Group callers(fibers());
    std::string first;
    callers.start("calls", [&] { first = ask(*server, "/"); });
    pause(50ms);
    callers.start("stops", [&] { server->stop(soon()); });
    pause(10ms);
    EXPECT_EQ(ask(*server, "/late"), "!failed");
    callers.join();
    EXPECT_EQ(first, "200 done");
  });
}

TEST_P(HttpTwins, WhatDoesNotEndInTimeIsReset) {
  run([&] {
    Code woken = Code::failed;
    const auto server = serve([&](Exchange& exchange) {
      exchange.start({});
      woken = fibers().sleep_until(in(1h)).error().code;
    });
    const auto made = call(*server, request("POST", "/"));
    made->finish();
    ASSERT_TRUE(made->response(soon()));
    const Instant begun = in(0s);
    server->stop(in(50ms));
    EXPECT_LT(in(0s) - begun, 10s);
    EXPECT_EQ(woken, Code::cancelled);
    EXPECT_EQ(read_all(*made), "!failed");
  });
}

TEST_P(HttpTwins, ManyAtOnce) {
  run([&] {
    const auto server = serve([&](Exchange& exchange) {
      pause(10ms);
      exchange.respond({}, exchange.request().target);
    });
    Group callers(fibers());
    int right = 0;
    for (int i = 0; i < 200; ++i) {
      callers.start("calls", [&, i] {
        const std::string path = "/" + std::to_string(i);
        right += ask(*server, path) == "200 " + path;
      });
    }
    callers.join();
    EXPECT_EQ(right, 200);
    server->stop(soon());
  });
}

ON_ALL_HTTP_HOUSES(HttpTwins);

}  // namespace
}  // namespace perdure::io
