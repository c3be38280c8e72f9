// What our client says to a server that counts, frame by frame.
#include <gtest/gtest.h>

#include "tests/engine/http/frames.h"
#include "tests/engine/http/harness.h"

namespace perdure::http::test {
namespace {

// Answers every request as soon as its head is there, and keeps what it heard.
class EarlyServer {
 public:
  explicit EarlyServer(House& house)
      : house_(house),
        listener_(house.pipes.listen("127.0.0.1:0").value()),
        fibers_(house.loop.fibers) {
    fibers_.start("early server", [this] { serve(); });
  }
  io::HttpTarget target() const {
    return {.scheme = "http", .authority = listener_->address(), .version = io::HttpVersion::http2};
  }
  // All that the client said, without what is there for flow control.
  std::string stop() {
    fibers_.stop();
    std::string_view frames = heard_;
    if (frames.starts_with(h2_preface)) frames.remove_prefix(h2_preface.size());
    return shown(frames);
  }

 private:
  void serve() {
    auto accepted = listener_->accept(house_.in(60s));
    if (!accepted) return;
    io::Stream& stream = **accepted;
    say(stream, frame(settings, 0, 0));
    std::size_t answered = 0;
    std::byte room[4096];
    while (true) {
      const auto some = stream.read(room, house_.in(60s));
      if (!some || *some == 0) return;
      heard_.append(reinterpret_cast<const char*>(room), *some);
      if (heard_.size() < h2_preface.size()) continue;
      std::vector<std::uint32_t> asked;
      for (const Frame& each : frames_of(std::string_view(heard_).substr(h2_preface.size()))) {
        if (each.type == headers) asked.push_back(each.stream);
      }
      for (; answered < asked.size(); ++answered) {
        say(stream, frame(headers, end_headers, asked[answered], block({{":status", "200"}})) +
                        frame(data, end_stream, asked[answered], "early"));
      }
    }
  }
  void say(io::Stream& stream, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto some = stream.write(as_bytes(bytes), house_.in(1s));
      if (!some) return;
      bytes.remove_prefix(*some);
    }
  }

  House& house_;
  std::unique_ptr<io::Listener> listener_;
  io::Group fibers_;
  std::string heard_;
};

// Opens a call, says a little, and hears the whole answer.
std::unique_ptr<io::HttpCall> heard_to_its_end(House& house, const EarlyServer& server) {
  auto call =
      house.http
          .call(server.target(), {.method = "POST", .target = "/", .authority = "", .headers = {}},
                house.in(5s))
          .value();
  EXPECT_TRUE(call->write("x", house.in(5s)));
  EXPECT_EQ(call->response(house.in(5s)).value().status, 200);
  EXPECT_EQ(read_all(house, *call), "early");
  return call;
}

// Servers on nghttp2, Node's among them, end a connection after a thousand resets.
TEST(H2Client, ACallThatWasHeardToItsEndIsNotReset) {
  House house;
  std::string said;
  EXPECT_TRUE(house.run(echo(house), [&] {
    EarlyServer server(house);
    for (int i = 0; i < 2; ++i) {
      const auto call = heard_to_its_end(house, server);
      call->finish();  // and let go in the same turn, with our last frame still to be sent
    }
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(1s)));
    said = server.stop();
  }));
  // The end of the first call may come before or after the head of the second.
  EXPECT_NE(said.find("DATA(1,END)"), said.npos) << said;
  EXPECT_NE(said.find("DATA(3,END)"), said.npos) << said;
  EXPECT_EQ(said.find("RST"), said.npos) << said;
}

// Whoever has not said all he announced must tell the server not to wait for it.
TEST(H2Client, ACallThatWasNotSaidToItsEndIsReset) {
  House house;
  std::string said;
  EXPECT_TRUE(house.run(echo(house), [&] {
    EarlyServer server(house);
    {
      const auto call = heard_to_its_end(house, server);
    }
    EXPECT_TRUE(house.loop.fibers.sleep_until(house.in(1s)));
    said = server.stop();
  }));
  EXPECT_EQ(said, "HEADERS(1) DATA(1) RST(1,cancel)");
}

}  // namespace
}  // namespace perdure::http::test
