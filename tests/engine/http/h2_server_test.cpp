// What RFC 9113 asks of a server, after the list of h2spec, and what strangers try.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

#include "tests/engine/http/frames.h"
#include "tests/engine/http/harness.h"

namespace perdure::http::test {
namespace {

struct Heard {
  std::string frames;
  bool closed;
};

Heard say_to_echo(std::string_view bytes, std::size_t cut = 0) {
  House house;
  Heard heard{};
  if (cut != 0) house.pipes.cut = [cut](std::size_t) { return cut; };
  EXPECT_TRUE(house.run(echo(house), [&] {
    RawClient client(house);
    client.say(bytes);
    heard.frames = shown(client.hear());
    heard.closed = client.closed || client.broken;
  }));
  return heard;
}

struct Case {
  const char* name;
  std::string input;  // after the preface and empty SETTINGS
  std::string answer;
  bool closed;
};

class H2Input : public testing::TestWithParam<Case> {};

TEST_P(H2Input, GetsItsAnswer) {
  const Heard heard = say_to_echo(hello() + GetParam().input);
  EXPECT_EQ(heard.frames, GetParam().answer);
  EXPECT_EQ(heard.closed, GetParam().closed);
}

TEST_P(H2Input, GetsItByteByByteToo) {
  const Heard heard = say_to_echo(hello() + GetParam().input, 1);
  EXPECT_EQ(heard.frames, GetParam().answer);
  EXPECT_EQ(heard.closed, GetParam().closed);
}

const std::string ok1 = "HEADERS(1) DATA(1,END)";
const std::string ok3 = "HEADERS(3) DATA(3,END)";
std::string gone(int last, std::string_view why) {
  return "GOAWAY(" + std::to_string(last) + "," + std::string(why) + ")";
}
std::string reset(int stream, std::string_view why = "protocol_error") {
  return "RST(" + std::to_string(stream) + "," + std::string(why) + ")";
}

const std::vector<Case> cases = {
    // 3, 5: messages
    {"Get", get(1), ok1, false},
    {"GetTwice", get(1) + get(3), "HEADERS(1) HEADERS(3) DATA(1,END) DATA(3,END)", false},
    {"Post", post(1) + frame(data, end_stream, 1, "hello"), ok1, false},
    {"PostInPieces",
     post(1) + frame(data, 0, 1, "he") + frame(data, 0, 1, "llo") + frame(data, end_stream, 1), ok1,
     false},
    {"Padded", post(1) + frame(data, padded | end_stream, 1, std::string("\3hello\0\0\0", 9)), ok1,
     false},
    {"Trailers",
     post(1) + frame(data, 0, 1, "x") +
         frame(headers, end_headers | end_stream, 1, field("x", "y")),
     ok1, false},
    {"UnknownFrame", frame(0x42, 0xff, 0, "12345678") + get(1), ok1, false},
    {"UnknownFlags", frame(ping, 0xfe, 0, "12345678"), "PING-ACK(12345678)", false},
    {"ReservedBit", frame(ping, 0, 0x8000'0000, "12345678"), "PING-ACK(12345678)", false},
    // 4.2: frame size
    {"DataTooLarge", post(1) + frame(data, end_stream, 1, std::string(16'385, 'x')),
     gone(1, "frame_size_error"), true},
    {"HeadersTooLarge",
     frame(headers, end_headers | end_stream, 1, block(with(a_get, "x", std::string(16'300, 'x')))),
     ok1, false},
    {"HeadersFrameTooLarge", frame(headers, end_headers | end_stream, 1, std::string(16'385, 'x')),
     gone(0, "frame_size_error"), true},
    // 4.3: header compression
    {"BadHpack", frame(headers, end_headers | end_stream, 1, "\x40"), gone(1, "compression_error"),
     true},
    {"BadHpackIndex", frame(headers, end_headers | end_stream, 1, "\xff\xff\xff\x0f"),
     gone(1, "compression_error"), true},
    // 5.1: stream states
    {"DataOnIdle", frame(data, end_stream, 1, "x"), gone(0, "protocol_error"), true},
    {"ResetOnIdle", frame(rst_stream, 0, 1, number(8)), gone(0, "protocol_error"), true},
    {"WindowOnIdle", frame(window_update, 0, 1, number(100)), gone(0, "protocol_error"), true},
    {"ContinuationOnIdle", frame(continuation, end_headers, 1, block(a_get)),
     gone(0, "protocol_error"), true},
    {"DataAfterEnd", get(1) + frame(data, end_stream, 1, "x"), gone(1, "stream_closed"), true},
    {"HeadersAfterEnd", get(1) + get(1), gone(1, "stream_closed"), true},
    {"DataAfterReset",
     post(1) + frame(rst_stream, 0, 1, number(8)) + frame(data, end_stream, 1, "x"), "",
     false},  // dropped, as RFC 9113 allows
    {"HeadersAfterReset", post(1) + frame(rst_stream, 0, 1, number(8)) + get(1),
     gone(1, "stream_closed"), true},
    // 5.1.1: stream identifiers
    {"EvenStream", get(2), gone(0, "protocol_error"), true},
    {"SmallerStream", get(5) + get(3), gone(5, "protocol_error"), true},
    {"HeadersOnZero", get(0), gone(0, "protocol_error"), true},
    // 6.1: DATA
    {"DataOnZero", frame(data, 0, 0, "x"), gone(0, "protocol_error"), true},
    {"DataPadTooLong", post(1) + frame(data, padded | end_stream, 1, "\x06hello"),
     gone(1, "protocol_error"), true},
    // 6.2, 6.10: HEADERS and CONTINUATION
    {"HeadersPadTooLong",
     frame(headers, padded | end_headers | end_stream, 1, "\xff" + block(a_get)),
     gone(0, "protocol_error"), true},
    {"Continuation",
     frame(headers, end_stream, 1, block(a_get).substr(0, 10)) +
         frame(continuation, end_headers, 1, block(a_get).substr(10)),
     ok1, false},
    {"PingInsideHead", frame(headers, end_stream, 1, block(a_get)) + frame(ping, 0, 0, "12345678"),
     gone(1, "protocol_error"), true},
    {"ContinuationElsewhere",
     frame(headers, end_stream, 1, block(a_get)) + frame(continuation, end_headers, 3, ""),
     gone(1, "protocol_error"), true},
    {"HeadersInsideHead", frame(headers, end_stream, 1, block(a_get)) + get(3),
     gone(1, "protocol_error"), true},
    {"ContinuationAfterEnd", get(1) + frame(continuation, end_headers, 1, ""),
     gone(1, "protocol_error"), true},
    {"ContinuationFlood",
     [] {
       std::string s = frame(headers, end_stream, 1, block(a_get));
       for (int i = 0; i < 200; ++i) s += frame(continuation, 0, 1, field("x", "y"));
       return s;
     }(),
     gone(1, "enhance_your_calm"), true},
    // 6.3: PRIORITY (obsolete, but still checked)
    {"Priority", frame(priority, 0, 1, std::string("\0\0\0\0\1", 5)) + get(1), ok1, false},
    {"PriorityOnZero", frame(priority, 0, 0, std::string("\0\0\0\1\1", 5)),
     gone(0, "protocol_error"), true},
    {"PriorityTooShort", get(1) + frame(priority, 0, 1, "\1\1\1\1"), gone(1, "frame_size_error"),
     true},
    {"HeadersDependOnThemselves",
     frame(headers, end_headers | end_stream | with_priority, 1, number(1) + "\x10" + block(a_get)),
     gone(0, "protocol_error"), true},
    // 6.4: RST_STREAM
    {"ResetOnZero", frame(rst_stream, 0, 0, number(8)), gone(0, "protocol_error"), true},
    {"ResetTooShort", post(1) + frame(rst_stream, 0, 1, "\1\1\1"), gone(1, "frame_size_error"),
     true},
    // 6.5: SETTINGS
    {"SettingsAckWithPayload", frame(settings, ack, 0, setting(3, 1)), gone(0, "frame_size_error"),
     true},
    {"SettingsOnAStream", frame(settings, 0, 1, setting(3, 1)), gone(0, "protocol_error"), true},
    {"SettingsOddSize", frame(settings, 0, 0, "123"), gone(0, "frame_size_error"), true},
    {"SettingsPushTwo", frame(settings, 0, 0, setting(2, 2)), gone(0, "protocol_error"), true},
    {"SettingsWindowTooLarge", frame(settings, 0, 0, setting(4, 0x8000'0000)),
     gone(0, "flow_control_error"), true},
    {"SettingsFrameTooSmall", frame(settings, 0, 0, setting(5, 16'383)), gone(0, "protocol_error"),
     true},
    {"SettingsFrameTooLarge", frame(settings, 0, 0, setting(5, 1 << 24)), gone(0, "protocol_error"),
     true},
    {"SettingsUnknown", frame(settings, 0, 0, setting(0xff, 1)) + get(1), ok1, false},
    // 6.6: PUSH_PROMISE
    {"PushFromClient", frame(push_promise, end_headers, 1, number(2) + block(a_get)),
     gone(0, "protocol_error"), true},
    // 6.7: PING
    {"Ping", frame(ping, 0, 0, "abcdefgh"), "PING-ACK(abcdefgh)", false},
    {"PingAckIsNotAnswered", frame(ping, ack, 0, "abcdefgh"), "", false},
    {"PingOnAStream", frame(ping, 0, 1, "abcdefgh"), gone(0, "protocol_error"), true},
    {"PingTooShort", frame(ping, 0, 0, "abc"), gone(0, "frame_size_error"), true},
    // 6.8: GOAWAY
    {"GoawayOnAStream", frame(goaway, 0, 1, number(0) + number(0)), gone(0, "protocol_error"),
     true},
    {"Goaway", get(1) + frame(goaway, 0, 0, number(0) + number(0)), ok1, true},
    // 6.9: WINDOW_UPDATE
    {"WindowZero", frame(window_update, 0, 0, number(0)), gone(0, "protocol_error"), true},
    {"WindowZeroOnAStream", post(1) + frame(window_update, 0, 1, number(0)),
     gone(1, "protocol_error"), true},
    {"WindowTooShort", frame(window_update, 0, 0, "123"), gone(0, "frame_size_error"), true},
    {"WindowOverflow", frame(window_update, 0, 0, number(0x7fff'ffff)),
     gone(0, "flow_control_error"), true},
    {"WindowOverflowOnAStream", post(1) + frame(window_update, 0, 1, number(0x7fff'ffff)),
     reset(1, "flow_control_error"), false},
    // 8: what a request may say
    {"UpperCaseName", get(1, with(a_get, "X-Upper", "y")), reset(1), false},
    {"UnknownPseudo", get(1, with(a_get, ":x", "y")), reset(1), false},
    {"StatusInRequest", get(1, with(a_get, ":status", "200")), reset(1), false},
    {"PseudoInTrailers",
     post(1) + frame(headers, end_headers | end_stream, 1, field(":method", "GET")), reset(1),
     false},
    {"TrailersWithoutEnd", post(1) + frame(headers, end_headers, 1, field("x", "y")), reset(1),
     false},
    {"PseudoAfterHeader",
     get(1, {{":method", "GET"}, {"x", "y"}, {":scheme", "http"}, {":path", "/"}}), reset(1),
     false},
    {"ConnectionHeader", get(1, with(a_get, "connection", "keep-alive")), reset(1), false},
    {"TransferEncoding", get(1, with(a_get, "transfer-encoding", "chunked")), reset(1), false},
    {"TeOther", get(1, with(a_get, "te", "gzip")), reset(1), false},
    {"TeTrailers", get(1, with(a_get, "te", "trailers")), ok1, false},
    {"NoMethod", get(1, {{":scheme", "http"}, {":path", "/"}}), reset(1), false},
    {"NoScheme", get(1, {{":method", "GET"}, {":path", "/"}}), reset(1), false},
    {"NoPath", get(1, {{":method", "GET"}, {":scheme", "http"}}), reset(1), false},
    {"EmptyPath", get(1, {{":method", "GET"}, {":scheme", "http"}, {":path", ""}}), reset(1),
     false},
    {"TwoPaths", get(1, with(a_get, ":path", "/b")), reset(1), false},
    {"TwoMethods", get(1, with(a_get, ":method", "PUT")), reset(1), false},
    {"LengthTooLarge",
     post(1, with(a_post, "content-length", "2")) + frame(data, end_stream, 1, "x"), reset(1),
     false},
    {"LengthTooSmall",
     post(1, with(a_post, "content-length", "1")) + frame(data, end_stream, 1, "xy"), reset(1),
     false},
    {"LengthWithoutBody", get(1, with(a_post, "content-length", "1")), reset(1), false},
    {"LengthRight", post(1, with(a_post, "content-length", "1")) + frame(data, end_stream, 1, "x"),
     ok1, false},
    {"LengthNotANumber", get(1, with(a_post, "content-length", "x")), reset(1), false},
    {"NewlineInValue", get(1, with(a_get, "x", "a\nb")), reset(1), false},
    {"Connect", get(1, {{":method", "CONNECT"}, {":authority", "h:1"}}), "HEADERS(1,END)", false},
};

INSTANTIATE_TEST_SUITE_P(H2, H2Input, testing::ValuesIn(cases),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(H2Server, NeedsTheWholePrefaceAndSettingsFirst) {
  EXPECT_TRUE(say_to_echo(std::string(h2_preface) + frame(ping, 0, 0, "12345678")).closed);
  EXPECT_TRUE(say_to_echo("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + frame(settings, 0, 0)).closed);
}

TEST(H2Server, AnswersTheSameHoweverTheBytesAreCut) {
  std::string input = hello();
  for (std::uint32_t stream = 1; stream < 40; stream += 2) {
    input += post(stream, with(a_post, "x", std::string(200, 'x'))) +
             frame(data, end_stream, stream, std::string(stream * 100, 'y'));
  }
  EXPECT_TRUE(rc::check([&] {
    std::uint32_t state = *rc::gen::inRange<std::uint32_t>(0, 1'000'000'000);
    House house;
    house.pipes.cut = [&state](std::size_t available) {
      state = state * 1664525 + 1013904223;
      return 1 + (state >> 8) % std::min<std::size_t>(available, 700);
    };
    std::vector<std::uint32_t> ended;
    std::size_t bytes = 0;
    RC_ASSERT(house.run(echo(house), [&] {
      RawClient client(house);
      client.say(input);
      for (const Frame& heard : frames_of(client.hear())) {
        if (heard.type != data) continue;
        bytes += heard.payload.size();
        if (heard.flags & end_stream) ended.push_back(heard.stream);
      }
    }));
    RC_ASSERT(ended.size() == 20u);
    RC_ASSERT(bytes == 40'000u + 20 * std::string("POST / ").size());
  }));
}

TEST(H2Server, HeadersAreJoinedAndThoseOfTheConnectionAreGone) {
  House house;
  io::Request seen;
  const auto serve = [&](io::Exchange& exchange) {
    seen = exchange.request();
    exchange.respond(plain(), "");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say(hello() + get(1, {{":method", "GET"},
                                 {":scheme", "http"},
                                 {":path", "/p?q"},
                                 {"host", "h:1"},
                                 {"cookie", "a=b"},
                                 {"x", "1"},
                                 {"cookie", "c=d"},
                                 {"te", "trailers"},
                                 {"x", "2"}}));
    EXPECT_EQ(shown(client.hear()), "HEADERS(1,END)");
  }));
  EXPECT_EQ(seen.target, "/p?q");
  EXPECT_EQ(seen.authority, "h:1");
  EXPECT_EQ(seen.headers, (io::Headers{{"cookie", "a=b; c=d"}, {"x", "1"}, {"x", "2"}}));
}

TEST(H2Server, TooLargeHeadsAreAnsweredAndBombsEndTheConnection) {
  House house;
  house.limits.head_bytes = 1000;
  EXPECT_TRUE(house.run(echo(house), [&] {
    RawClient client(house);
    client.say(hello() + get(1, with(a_get, "x", std::string(2000, 'x'))) + get(3));
    EXPECT_EQ(shown(client.hear()), "HEADERS(1,END) HEADERS(3) DATA(3,END)");
    // One indexed entry of 4000 bytes, repeated by single bytes.
    std::string bomb = block(a_get);
    bomb += "\x40" + hpack_length(1) + "x" + hpack_length(4000) + std::string(4000, 'x');
    bomb += std::string(1000, static_cast<char>(0x80 | 62));
    client.say(frame(headers, end_headers | end_stream, 5, bomb));
    EXPECT_EQ(shown(client.hear()), "GOAWAY(5,enhance_your_calm)");
    EXPECT_TRUE(client.closed);
  }));
}

TEST(H2Server, FloodsEndTheConnection) {
  struct Flood {
    const char* name;
    std::string before, piece;
  };
  const std::vector<Flood> floods = {
      {"pings", "", frame(ping, 0, 0, "12345678")},
      {"settings", "", frame(settings, 0, 0, setting(3, 1))},
      {"priorities", "", frame(priority, 0, 1, std::string("\0\0\0\0\1", 5))},
      {"empty data", post(1), frame(data, 0, 1, "")},
  };
  for (const Flood& flood : floods) {
    House house;
    EXPECT_TRUE(house.run(echo(house), [&] {
      RawClient client(house);
      std::string many = flood.before;
      for (int i = 0; i < 3000; ++i) many += flood.piece;
      client.say(hello() + many);
      const std::string heard = shown(client.hear());
      EXPECT_NE(heard.find("enhance_your_calm"), std::string::npos) << flood.name;
      EXPECT_TRUE(client.closed) << flood.name;
    }));
  }
}

TEST(H2Server, RapidResetsEndTheConnectionButAFewDoNot) {
  for (const int resets : {500, 1500}) {
    House house;
    int served = 0;
    const auto serve = [&](io::Exchange& exchange) { ++served, exchange.respond(plain(), ""); };
    EXPECT_TRUE(house.run(serve, [&] {
      RawClient client(house);
      client.say(hello());
      for (int i = 0; i < resets; ++i) {
        const auto stream = static_cast<std::uint32_t>(2 * i + 1);
        client.say(get(stream) + frame(rst_stream, 0, stream, number(8)));
      }
      const std::string heard = shown(client.hear());
      EXPECT_EQ(client.closed, resets > 1000) << heard.substr(0, 200);
    }));
    EXPECT_EQ(served, 0);  // taken back before a fiber ran
  }
}

TEST(H2Server, RefusesStreamsBeyondItsLimit) {
  House house;
  house.limits.streams_per_connection = 2;
  const auto serve = [&](io::Exchange& exchange) {
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(50ms)));
    exchange.respond(plain(), "");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say(hello() + get(1) + get(3) + get(5));
    EXPECT_EQ(shown(client.hear()), "RST(5,refused_stream) HEADERS(1,END) HEADERS(3,END)");
  }));
}

TEST(H2Server, WindowsMoveOnlyWhenTheBodyIsRead) {
  House house;
  house.limits.body_buffer_bytes = 20'000;
  bool read = false;
  const auto serve = [&](io::Exchange& exchange) {
    if (!house.loop.fibers.sleep_until(house.in(1s))) return exchange.reset();
    read = true;
    exchange.respond(plain(), std::to_string(read_all(house, exchange).size()));
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say(hello() + frame(settings, ack, 0) + post(1) +
               frame(data, 0, 1, std::string(16'000, 'x')) +
               frame(data, 0, 1, std::string(4'000, 'x')));
    EXPECT_EQ(shown(client.hear(500ms)), "");
    EXPECT_FALSE(read);
    EXPECT_EQ(shown(client.hear(1s)), "WINDOW(1)");
    client.say(frame(data, end_stream, 1, "x"));
    EXPECT_EQ(shown(client.hear()), ok1);
    // Who sends more than the window lets him is not tolerated.
    client.say(post(3) + frame(data, 0, 3, std::string(16'000, 'x')) +
               frame(data, 0, 3, std::string(5'000, 'x')));
    const std::string heard = shown(client.hear());
    EXPECT_NE(heard.find("flow_control_error"), std::string::npos) << heard;
  }));
}

TEST(H2Server, HoldsAnswersBackUntilTheWindowOpens) {
  House house;
  const auto serve = [](io::Exchange& exchange) {
    exchange.respond(plain(), std::string(100, 'x'));
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say(std::string(h2_preface) + frame(settings, 0, 0, setting(4, 10)) + get(1));
    const auto sizes = [&] {
      std::vector<std::size_t> all;
      for (const Frame& heard : frames_of(client.hear())) {
        if (heard.type == data) all.push_back(heard.payload.size());
      }
      return all;
    };
    EXPECT_EQ(sizes(), std::vector<std::size_t>{10});
    client.say(frame(window_update, 0, 1, number(1)));
    EXPECT_EQ(sizes(), std::vector<std::size_t>{1});
    client.say(frame(settings, 0, 0, setting(4, 20)));  // moves the windows of open streams too
    EXPECT_EQ(sizes(), std::vector<std::size_t>{10});
    client.say(frame(window_update, 0, 1, number(1000)));
    EXPECT_EQ(sizes(), std::vector<std::size_t>{79});
  }));
}

TEST(H2Server, AStalledAnswerIsNotKeptForEver) {
  House house;
  house.limits.idle = 60s;
  const auto serve = [](io::Exchange& exchange) {
    exchange.respond(plain(), std::string(100, 'x'));
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say(std::string(h2_preface) + frame(settings, 0, 0, setting(4, 0)) + get(1));
    EXPECT_EQ(shown(client.hear(50s)), "HEADERS(1)");
    EXPECT_EQ(shown(client.hear(100s)), "RST(1,cancel)");
    EXPECT_EQ(shown(client.hear(100s)), "GOAWAY(1,no_error)");  // then it is idle
    EXPECT_TRUE(client.closed);
  }));
}

TEST(H2Server, SlowHeadsRunOutOfTime) {
  House house;
  house.limits.head = 10s;
  EXPECT_TRUE(house.run(echo(house), [&] {
    RawClient client(house);
    client.say(hello() + frame(headers, end_stream, 1, block(a_get)).substr(0, 20));
    EXPECT_EQ(shown(client.hear(9s)), "");
    EXPECT_EQ(shown(client.hear(2s)), "GOAWAY(1,enhance_your_calm)");
    EXPECT_TRUE(client.closed);
  }));
}

TEST(H2Server, ContinuesWhenTheBodyIsWanted) {
  House house;
  EXPECT_TRUE(house.run(echo(house), [&] {
    RawClient client(house);
    client.say(hello() + post(1, with(a_post, "expect", "100-continue")));
    EXPECT_EQ(shown(client.hear()), "HEADERS(1)");
    client.say(frame(data, end_stream, 1, "x"));
    EXPECT_EQ(shown(client.hear()), ok1);
  }));
}

TEST(H2Server, AnEarlyAnswerStopsTheBody) {
  House house;
  const auto serve = [](io::Exchange& exchange) { exchange.respond(plain(413), "no"); };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say(hello() + post(1) + frame(data, 0, 1, "some"));
    EXPECT_EQ(shown(client.hear()), ok1 + " RST(1,no_error)");
    client.say(get(3));
    EXPECT_EQ(shown(client.hear()), ok3);
  }));
}

TEST(H2Server, WhoAnswersNothingResetsTheStream) {
  House house;
  EXPECT_TRUE(house.run([](io::Exchange&) {},
                        [&] {
                          RawClient client(house);
                          client.say(hello() + get(1));
                          EXPECT_EQ(shown(client.hear()), "RST(1,internal_error)");
                          EXPECT_FALSE(client.closed);
                        }));
}

TEST(H2Server, AServingFiberIsCancelledWhenItsStreamGoes) {
  enum class Departure { reset, half_close, broken };
  for (const auto how : {Departure::reset, Departure::half_close, Departure::broken}) {
    House house;
    Code heard = Code::full;
    const auto serve = [&](io::Exchange& exchange) {
      const auto slept = house.loop.fibers.sleep_until(house.in(1h));
      heard = slept ? Code::full : slept.error().code;
      exchange.respond(plain(), "");
    };
    EXPECT_TRUE(house.run(serve, [&] {
      RawClient client(house);
      client.say(hello() + get(1));
      house.settle();
      if (how == Departure::reset) client.say(frame(rst_stream, 0, 1, number(8)));
      if (how == Departure::half_close) client.finish();
      if (how == Departure::broken) client.reset();
      house.settle();
      EXPECT_EQ(heard, Code::cancelled);
    }));
  }
}

TEST(H2Server, SaysGoodbyeAndAnswersWhatItHasBegun) {
  House house;
  const auto serve = [&](io::Exchange& exchange) {
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(1s)));
    exchange.respond(plain(), "");
  };
  EXPECT_TRUE(house.run(serve, [&] {
    RawClient client(house);
    client.say(hello() + get(1));
    house.settle();
    house.loop.scheduler.spawn_root("stop", [&] { house.server->stop(house.in(10s)); });
    EXPECT_EQ(shown(client.hear()), "GOAWAY(1,no_error)");
    client.say(get(3));  // too late: not looked at, and said so by the number above
    EXPECT_EQ(shown(client.hear(2s)), "HEADERS(1,END)");
    EXPECT_TRUE(client.closed);
  }));
}

// Nothing that a stranger says makes the server fall, hang or forget its own shutdown.
TEST(H2Server, SurvivesNoise) {
  const std::string good = hello() + post(1) + frame(data, end_stream, 1, "hello") + get(3) +
                           frame(ping, 0, 0, "12345678") + frame(window_update, 0, 0, number(5));
  EXPECT_TRUE(rc::check([&] {
    std::string bytes = good;
    const auto changes =
        *rc::gen::container<std::vector<std::pair<std::size_t, std::uint8_t>>>(rc::gen::pair(
            rc::gen::inRange<std::size_t>(24, good.size()), rc::gen::arbitrary<std::uint8_t>()));
    for (const auto& [at, byte] : changes) bytes[at] = static_cast<char>(byte);
    House house;
    RC_ASSERT(house.run(echo(house), [&] {
      RawClient client(house);
      client.say(bytes);
      (void)client.hear();
      client.finish();
      (void)client.hear();
    }));
  }));
}

}  // namespace
}  // namespace perdure::http::test
