#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

#include "tests/engine/http/harness.h"

namespace perdure::http::test {
namespace {

std::string post(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

// The statuses of the answers in a stream of bytes, without interim ones.
std::vector<int> statuses(std::string_view bytes) {
  std::vector<int> found;
  for (std::size_t at = bytes.find("HTTP/1.1 "); at != std::string_view::npos;
       at = bytes.find("HTTP/1.1 ", at + 1)) {
    const int status = std::stoi(std::string(bytes.substr(at + 9, 3)));
    if (status >= 200) found.push_back(status);
  }
  return found;
}

std::string without_date(std::string bytes) {
  for (std::size_t at = bytes.find("date: "); at != std::string::npos; at = bytes.find("date: ")) {
    bytes.erase(at, bytes.find('\n', at) + 1 - at);
  }
  return bytes;
}

// What a server that echoes says to these bytes, and whether it closed.
struct Heard {
  std::string bytes;
  bool closed;
};
Heard say_to_echo(std::string_view bytes, io::HttpLimits limits = {}, std::size_t cut = 0) {
  House house;
  house.limits = limits;
  Heard heard{};
  if (cut != 0) house.pipes.cut = [cut](std::size_t) { return cut; };
  EXPECT_TRUE(house.run(echo(house), [&] {
    RawClient client(house);
    client.say(bytes);
    heard.bytes = client.hear();
    heard.closed = client.closed;
  }));
  return heard;
}

TEST(H1Server, AnswersARequest) {
  const Heard heard = say_to_echo(post("/a?b=c", "hello"));
  EXPECT_EQ(without_date(heard.bytes),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 17\r\n\r\n"
            "POST /a?b=c hello");
  EXPECT_NE(heard.bytes.find("date: Tue, 14 Nov 2023 23:13:20 GMT\r\n"), std::string::npos);
  EXPECT_FALSE(heard.closed);
}

struct Case {
  const char* name;
  std::string input;
  std::vector<int> answers;
  bool closed;
};

class H1Input : public testing::TestWithParam<Case> {};

TEST_P(H1Input, GetsItsAnswer) {
  const Heard heard = say_to_echo(GetParam().input);
  EXPECT_EQ(statuses(heard.bytes), GetParam().answers) << heard.bytes;
  EXPECT_EQ(heard.closed, GetParam().closed);
}

TEST_P(H1Input, GetsItByteByByteToo) {
  const Heard whole = say_to_echo(GetParam().input);
  const Heard cut = say_to_echo(GetParam().input, {}, 1);
  EXPECT_EQ(whole.bytes, cut.bytes);
  EXPECT_EQ(whole.closed, cut.closed);
}

const std::string host = "Host: h\r\n";
const std::vector<Case> cases = {
    {"Get", "GET / HTTP/1.1\r\n" + host + "\r\n", {200}, false},
    {"LeadingBlankLines", "\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", {200}, false},
    {"BareLineFeeds", "GET / HTTP/1.1\nHost: h\n\n", {200}, false},
    {"Pipelined", post("/1", "a") + post("/2", "b") + post("/3", ""), {200, 200, 200}, false},
    {"CloseAsked", "GET / HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", {200}, true},
    {"CloseInAList", "GET / HTTP/1.1\r\n" + host + "Connection: x, Close\r\n\r\n", {200}, true},
    {"AfterCloseNothing",
     "GET / HTTP/1.1\r\nConnection: close\r\n" + host + "\r\n" + post("/", ""),
     {200},
     true},
    {"Version10", "GET / HTTP/1.0\r\n\r\n", {200}, true},
    {"Version10KeepAlive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {200}, false},
    {"Chunked",
     "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" +
         post("/", "x"),
     {200, 200},
     false},
    {"ChunkExtension",
     "POST / HTTP/1.1\r\n" + host +
         "Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0;x\r\n\r\n",
     {200},
     false},
    {"Trailers",
     "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\nZ: w\r\n\r\n" +
         post("/", "x"),
     {200, 200},
     false},
    {"UpgradeIgnored",
     "GET / HTTP/1.1\r\n" + host +
         "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
         "AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
     {200},
     false},
    {"AbsoluteTarget", "GET http://other:1/x HTTP/1.1\r\n" + host + "\r\n", {200}, false},
    {"Asterisk", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", {200}, false},
    // What two parsers might understand differently is not understood at all.
    {"LengthAndEncoding",
     "POST / HTTP/1.1\r\n" + host +
         "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     {400},
     true},
    {"EncodingAndLength",
     "POST / HTTP/1.1\r\n" + host +
         "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
     {400},
     true},
    {"TwoLengths",
     "POST / HTTP/1.1\r\n" + host + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
     {400},
     true},
    {"TwoEqualLengths",
     "POST / HTTP/1.1\r\n" + host + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
     {400},
     true},
    {"LengthList", "POST / HTTP/1.1\r\n" + host + "Content-Length: 4, 4\r\n\r\nabcd", {400}, true},
    {"LengthPlus", "POST / HTTP/1.1\r\n" + host + "Content-Length: +4\r\n\r\nabcd", {400}, true},
    {"LengthMinus", "POST / HTTP/1.1\r\n" + host + "Content-Length: -4\r\n\r\nabcd", {400}, true},
    {"LengthHuge",
     "POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n",
     {400},
     true},
    {"LengthHex", "POST / HTTP/1.1\r\n" + host + "Content-Length: 0x4\r\n\r\nabcd", {400}, true},
    {"EncodingIdentity",
     "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n\r\n",
     {501},
     true},
    {"EncodingGzipChunked",
     "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     {501},
     true},
    {"EncodingTwice",
     "POST / HTTP/1.1\r\n" + host +
         "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     {501},
     true},
    {"EncodingIn10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}, true},
    {"FoldedLine", "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n", {400}, true},
    {"FoldedEncoding",
     "GET / HTTP/1.1\r\n" + host + "Transfer-Encoding:\r\n chunked\r\n\r\n",
     {400},
     true},
    {"BlankBeforeColon",
     "GET / HTTP/1.1\r\n" + host + "Content-Length : 4\r\n\r\nabcd",
     {400},
     true},
    {"BlankInName", "GET / HTTP/1.1\r\n" + host + "X Y: 4\r\n\r\n", {400}, true},
    {"NoColon", "GET / HTTP/1.1\r\n" + host + "XY\r\n\r\n", {400}, true},
    {"NulInValue", std::string("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 35), {400}, true},
    {"CarriageReturnInValue", "GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n", {400}, true},
    {"NoHost", "GET / HTTP/1.1\r\n\r\n", {400}, true},
    {"TwoHosts", "GET / HTTP/1.1\r\n" + host + host + "\r\n", {400}, true},
    {"HostWithBlank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", {400}, true},
    {"ChunkSizeNotHex",
     "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
     {400},
     true},
    {"ChunkSizeEmpty",
     "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n\r\nhello",
     {400},
     true},
    {"ChunkSizeHuge",
     "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
     {400},
     true},
    {"ChunkSizeNegative",
     "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
     {400},
     true},
    {"ChunkTooLong",
     "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
     {400},
     true},
    {"ChunkWithoutCr",
     "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
     {400},
     true},
    {"ChunkEndWrong",
     "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
     {400},
     true},
    // Malformed otherwise.
    {"NotHttp", "hello there\r\n\r\n", {400}, true},
    {"Version09", "GET /\r\n\r\n", {505}, true},
    {"Version20", "GET / HTTP/2.0\r\n" + host + "\r\n", {505}, true},
    {"Version12", "GET / HTTP/1.2\r\n" + host + "\r\n", {505}, true},
    {"AlmostThePreface", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", {400}, true},
    {"Connect", "CONNECT a:1 HTTP/1.1\r\n" + host + "\r\n", {501}, true},
    {"UnknownMethod", "BREW / HTTP/1.1\r\n" + host + "\r\n", {400}, true},
    {"UnknownExpectation",
     "POST / HTTP/1.1\r\n" + host + "Expect: magic\r\nContent-Length: 1\r\n\r\nx",
     {417},
     true},
    {"HugeHead",
     "GET / HTTP/1.1\r\n" + host + "X: " + std::string(70'000, 'x') + "\r\n\r\n",
     {431},
     true},
    {"HugeTarget",
     "GET /" + std::string(70'000, 'x') + " HTTP/1.1\r\n" + host + "\r\n",
     {431},
     true},
    {"EndlessHead", "GET / HTTP/1.1\r\n" + std::string(70'000, 'x'), {431}, true},
    {"EndlessBlankLines",
     [] {
       std::string s;
       for (int i = 0; i < 40'000; ++i) s += "\r\n";
       return s;
     }(),
     {431},
     true},
};

INSTANTIATE_TEST_SUITE_P(H1, H1Input, testing::ValuesIn(cases),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(H1Server, AnswersTheSameHoweverTheBytesAreCut) {
  const std::string input = post("/1", std::string(3000, 'a')) +
                            "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "a\r\n0123456789\r\n1f4\r\n" +
                            std::string(500, 'b') + "\r\n0\r\nx: y\r\n\r\n" +
                            "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string whole = say_to_echo(input).bytes;
  EXPECT_EQ(statuses(whole).size(), 3u);
  EXPECT_TRUE(rc::check([&] {
    const auto seed = *rc::gen::inRange<std::uint32_t>(0, 1'000'000'000);
    House house;
    std::uint32_t state = seed;
    house.pipes.cut = [&state](std::size_t available) {
      state = state * 1664525 + 1013904223;
      return 1 + (state >> 8) % std::min<std::size_t>(available, 700);
    };
    std::string heard;
    RC_ASSERT(house.run(echo(house), [&] {
      RawClient client(house);
      client.say(input);
      heard = client.hear();
    }));
    RC_ASSERT(heard == whole);
  }));
}

TEST(H1Server, HeadersAreLowerCaseAndThoseOfTheConnectionAreGone) {
  House house;
  io::Request seen;
  EXPECT_TRUE(house.run(
      [&](io::Exchange& exchange) {
        seen = exchange.request();
        EXPECT_EQ(exchange.version(), io::HttpVersion::http1);
        EXPECT_EQ(exchange.peer(), "client");
        exchange.respond({.status = 204, .headers = {}}, "");
      },
      [&] {
        RawClient client(house);
        client.say(
            "GET http://there:81?q=1 HTTP/1.1\r\nHost: here\r\nX-One:  two \t\r\nKeep-Alive: 5\r\n"
            "Connection: X-Gone, keep-alive\r\nX-Gone: 1\r\nTE: trailers\r\nEmpty:\r\n\r\n");
        const std::string heard = client.hear();
        EXPECT_EQ(without_date(heard), "HTTP/1.1 204 No Content\r\n\r\n");
      }));
  EXPECT_EQ(seen.target, "/?q=1");
  EXPECT_EQ(seen.authority, "there:81");
  EXPECT_EQ(seen.headers, (io::Headers{{"x-one", "two"}, {"empty", ""}}));
}

TEST(H1Server, HeadGetsTheLengthButNotTheBody) {
  House house;
  EXPECT_TRUE(house.run([](io::Exchange& e) { e.respond(plain(), "12345"); },
                        [&] {
                          RawClient client(house);
                          client.say("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
                          const std::string heard = client.hear();
                          EXPECT_NE(heard.find("content-length: 5\r\n"), std::string::npos);
                          EXPECT_TRUE(heard.ends_with("\r\n\r\n")) << heard;
                        }));
}

TEST(H1Server, AResponseCannotSmuggleHeaders) {
  House house;
  const auto serve = [](io::Exchange& exchange) {
    exchange.respond({.status = 200,
                      .headers = {{"x-evil", "a\r\nset-cookie: b"},
                                  {"X-Good", "c"},
                                  {"bad name", "d"},
                                  {"content-length", "999"},
                                  {"transfer-encoding", "chunked"}}},
                     "ok");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(without_date(client.hear()),
              "HTTP/1.1 200 OK\r\nx-good: c\r\ncontent-length: 2\r\n\r\nok");
  }));
}

TEST(H1Server, ContinuesOnlyWhenTheBodyIsWanted) {
  House house;
  const auto serve = [&](io::Exchange& exchange) {
    if (exchange.request().target == "/no") return exchange.respond(plain(403), "");
    exchange.respond(plain(), read_all(house, exchange));
  };
  const std::string head =
      " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient wanted(house);
    wanted.say("POST /yes" + head);
    EXPECT_EQ(wanted.hear(), "HTTP/1.1 100 Continue\r\n\r\n");
    wanted.say("hi");
    EXPECT_EQ(statuses(wanted.hear()), std::vector<int>{200});
    EXPECT_FALSE(wanted.closed);
    // Refused without the body: nobody knows whether it comes, so the connection ends.
    RawClient unwanted(house);
    unwanted.say("POST /no" + head);
    EXPECT_EQ(statuses(unwanted.hear()), std::vector<int>{403});
    EXPECT_TRUE(unwanted.closed);
    // Who does not wait gets no interim answer.
    RawClient eager(house);
    eager.say("POST /yes" + head + "hi");
    EXPECT_EQ(eager.hear().find("100 Continue"), std::string::npos);
  }));
}

TEST(H1Server, StreamsInChunksAndUntilCloseForOldClients) {
  House house;
  const auto serve = [&](io::Exchange& exchange) {
    exchange.start(plain());
    EXPECT_TRUE(exchange.write("one", house.in(1s)));
    house.settle();
    EXPECT_TRUE(exchange.write("", house.in(1s)));
    EXPECT_TRUE(exchange.write("two", house.in(1s)));
    exchange.finish();
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(client.hear().ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
    EXPECT_FALSE(client.closed);
    RawClient old(house);
    old.say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const std::string heard = old.hear();
    EXPECT_TRUE(heard.ends_with("connection: close\r\n\r\nonetwo")) << heard;
    EXPECT_TRUE(old.closed);
  }));
}

// Reader and writer both stop when nobody takes what they have.
TEST(H1Server, HoldsABoundedAmountOfAnEndlessBody) {
  House house;
  house.limits.body_buffer_bytes = 10'000;
  house.pipes.buffer_bytes = 10'000;
  std::size_t offered = 0;
  const auto serve = [&](io::Exchange& exchange) {
    (void)house.loop.fibers.sleep_until(house.in(10s));
    exchange.reset();
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");
    const std::string piece(5000, 'x');
    while (client.say(piece)) offered += piece.size();
    EXPECT_LT(offered, 200'000u);  // read ahead, body buffer, pipe
  }));
}

TEST(H1Server, AWriterParksUntilTheClientReads) {
  House house;
  house.limits.body_buffer_bytes = 10'000;
  house.pipes.buffer_bytes = 10'000;
  std::size_t written = 0;
  const auto serve = [&](io::Exchange& exchange) {
    exchange.start(plain());
    const std::string piece(1000, 'x');
    while (written < 1'000'000 && exchange.write(piece, house.in(20s))) written += piece.size();
    exchange.finish();
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(5s)));
    EXPECT_LT(written, 100'000u);
    EXPECT_GT(client.hear().size(), 1'000'000u);
    EXPECT_EQ(written, 1'000'000u);
  }));
}

TEST(H1Server, ATruncatedBodyIsAnError) {
  House house;
  std::string seen;
  const auto serve = [&](io::Exchange& exchange) {
    seen = read_all(house, exchange);
    exchange.respond(plain(), "");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    house.settle();
    client.finish();
    (void)client.hear();
    EXPECT_TRUE(client.closed);
  }));
  EXPECT_TRUE(seen == "abc!failed" || seen == "abc!cancelled") << seen;
}

TEST(H1Server, AServingFiberIsCancelledWhenItsClientGoes) {
  for (const bool orderly : {true, false}) {
    House house;
    Code heard = Code::invalid;
    Duration waited{};
    const auto serve = [&](io::Exchange& exchange) {
      const Instant begun = house.in(0s);
      const auto slept = house.loop.fibers.sleep_until(house.in(1h));
      heard = slept ? Code::timed_out : slept.error().code;
      waited = house.in(0s) - begun;
      exchange.respond(plain(), "too late");
    };
    EXPECT_TRUE(house.run(serve, [&] {
      RawClient client(house);
      client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
      EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(1s)));
      orderly ? client.finish() : client.reset();
      house.settle();
    }));
    EXPECT_EQ(heard, Code::cancelled);
    EXPECT_LE(waited, 1s);
  }
}

TEST(H1Server, WhoAnswersNothingBreaksTheConnection) {
  House house;
  EXPECT_TRUE(house.run([](io::Exchange&) {},
                        [&] {
                          RawClient client(house);
                          client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
                          EXPECT_EQ(client.hear(), "");
                          EXPECT_TRUE(client.broken);
                        }));
}

TEST(H1Server, TimeRunsOutForSlowHeadsAndIdleConnections) {
  House house;
  house.limits.head = 10s;
  house.limits.idle = 60s;
  EXPECT_TRUE(house.run(echo(house), [&] {
    RawClient slow(house);
    slow.say("GET / HTTP/1.1\r\n");
    EXPECT_EQ(slow.hear(9s), "");
    slow.say("X: y\r\n");  // a byte now and then buys no time
    EXPECT_EQ(statuses(slow.hear(2s)), std::vector<int>{408});
    EXPECT_TRUE(slow.closed);

    RawClient undecided(house);
    undecided.say("PRI * HTTP");
    EXPECT_EQ(undecided.hear(11s), "");
    EXPECT_TRUE(undecided.closed || undecided.broken);

    RawClient idle(house);
    idle.say(post("/", ""));
    EXPECT_EQ(statuses(idle.hear(59s)), std::vector<int>{200});
    EXPECT_FALSE(idle.closed);
    EXPECT_EQ(idle.hear(3s), "");
    EXPECT_TRUE(idle.closed);
  }));
}

TEST(H1Server, RefusesConnectionsBeyondItsLimit) {
  House house;
  house.limits.connections = 2;
  EXPECT_TRUE(house.run(echo(house), [&] {
    RawClient one(house), two(house);
    house.settle();
    RawClient three(house);
    EXPECT_EQ(three.hear(), "");
    EXPECT_TRUE(three.broken);
    one.say(post("/", ""));
    EXPECT_EQ(statuses(one.hear()), std::vector<int>{200});
  }));
}

TEST(H1Server, StopsWhenTheLastAnswerIsOut) {
  House house;
  const auto serve = [&](io::Exchange& exchange) {
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(500ms)));
    exchange.respond(plain(), "bye");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient busy(house), idle(house);
    busy.say(post("/", ""));
    house.settle();
    house.loop.scheduler.spawn_root("stop", [&] { house.server->stop(house.in(10s)); });
    const std::string heard = busy.hear(2s);
    EXPECT_TRUE(busy.closed);
    EXPECT_NE(heard.find("connection: close"), std::string::npos) << heard;
    EXPECT_TRUE(heard.ends_with("bye"));
    (void)idle.hear();
    EXPECT_TRUE(idle.closed || idle.broken);
    EXPECT_FALSE(house.pipes.connect(house.address, house.in(1s)));
  }));
}

}  // namespace
}  // namespace perdure::http::test
