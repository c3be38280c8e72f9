// The peer protocol on real sockets: who is let in, what strangers can do.
#include "net/peers/peers.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "engine/base/bytes.h"
#include "net/loop/offload.h"
#include "net/peers/conversation.h"
#include "net/random/random.h"
#include "net/sockets/names.h"
#include "tests/net/certificates.h"

namespace perdure::net {
namespace {

using namespace std::chrono_literals;

// --- framing -------------------------------------------------------------------------------

TEST(Framing, CutAnyhowTheFramesAreTheSame) {
  std::string bytes;
  const std::vector<std::string> bodies = {"", "a", std::string(1000, 'b'),
                                           std::string(40'000, 'c')};
  for (const std::string& body : bodies) bytes += whole_frame(FrameKind::data, body);
  for (const std::size_t piece : {1U, 2U, 7U, 4096U, 100'000U}) {
    FrameDecoder decoder(1 << 20);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      ASSERT_TRUE(decoder.take(std::string_view(bytes).substr(at, piece)));
    }
    for (const std::string& body : bodies) {
      const auto frame = decoder.next();
      ASSERT_TRUE(frame);
      EXPECT_EQ(frame->kind, FrameKind::data);
      EXPECT_TRUE(frame->body == body);
    }
    EXPECT_FALSE(decoder.next());
  }
}

TEST(Framing, ALargeBodyIsReadInPlace) {
  const std::string body(100'000, 'x');
  const std::string bytes = whole_frame(FrameKind::data, body);
  FrameDecoder decoder(1 << 20);
  EXPECT_TRUE(decoder.room().empty());
  ASSERT_TRUE(decoder.take(std::string_view(bytes).substr(0, 100)));
  std::size_t at = 100;
  while (at < bytes.size()) {
    const std::span<std::byte> room = decoder.room();
    if (room.empty()) {
      ASSERT_TRUE(decoder.take(std::string_view(bytes).substr(at)));
      break;
    }
    const std::size_t part = std::min<std::size_t>(room.size(), 30'000);
    std::memcpy(room.data(), bytes.data() + at, part);
    decoder.filled(part);
    ASSERT_TRUE(decoder.complete());
    at += part;
  }
  const auto frame = decoder.next();
  ASSERT_TRUE(frame);
  EXPECT_TRUE(frame->body == body);
}

TEST(Framing, AnyFlippedBitIsNoticed) {
  const std::string whole = whole_frame(FrameKind::data, "some bytes");
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    FrameDecoder decoder(1 << 10);
    const Result<void> taken = decoder.take(flipped);
    const auto frame = decoder.next();
    EXPECT_TRUE(!taken || !frame) << "bit " << bit;  // a longer length waits for more
  }
}

TEST(Framing, WhatIsTooLargeIsRefusedBeforeItIsHeld) {
  FrameDecoder decoder(1000);
  const std::string bytes = whole_frame(FrameKind::data, std::string(1001, 'x'));
  EXPECT_EQ(decoder.take(std::string_view(bytes).substr(0, frame_head_bytes)).error().code,
            Code::corrupt);
}

// --- handshake -----------------------------------------------------------------------------

const io::Identity n1 = {.node = NodeId(1), .incarnation = 4, .cluster = "c", .fingerprint = 9};
const io::Identity n2 = {.node = NodeId(2), .incarnation = 7, .cluster = "c", .fingerprint = 9};
const host::Introduction from_1 = {
    .identity = n1, .self = {.node = NodeId(1)}, .wanted = {.node = NodeId(2)}};

TEST(Handshake, BothMustKnowTheSecret) {
  const Hello hello = hello_of(from_1, {.high = 1, .low = 2});
  const auto challenged = challenge(n2, 1, hello, {.high = 3, .low = 4}, "secret");
  ASSERT_TRUE(challenged);
  EXPECT_FALSE(prove(from_1, hello, *challenged, "another"));
  const auto proof = prove(from_1, hello, *challenged, "secret");
  ASSERT_TRUE(proof);
  EXPECT_TRUE(verify(hello, *challenged, *proof, "secret"));
  EXPECT_FALSE(verify(hello, *challenged, *proof, "another"));
}

TEST(Handshake, AProofIsOfNoUseElsewhere) {
  const Hello hello = hello_of(from_1, {.high = 1, .low = 2});
  const auto challenged = challenge(n2, 1, hello, {.high = 3, .low = 4}, "secret");
  const auto again = challenge(n2, 1, hello, {.high = 3, .low = 5}, "secret");
  const auto proof = prove(from_1, hello, *challenged, "secret");
  ASSERT_TRUE(challenged && again && proof);
  EXPECT_FALSE(verify(hello, *again, *proof, "secret")) << "replayed";
  EXPECT_FALSE(verify(hello, *challenged, {.proof = challenged->proof}, "secret")) << "reflected";
  Hello other = hello;
  other.node = 3;
  EXPECT_FALSE(verify(other, *challenged, *proof, "secret")) << "of another node";
}

TEST(Handshake, WhoIsRefusedHearsWhy) {
  const auto why = [](host::Introduction introduction) {
    const auto answer = challenge(n2, 1, hello_of(introduction, {}), {}, "");
    return answer ? std::string() : answer.error().detail;
  };
  EXPECT_EQ(why(from_1), "");
  host::Introduction other = from_1;
  other.identity.cluster = "d";
  EXPECT_EQ(why(other), "this is cluster 'c', not 'd'");
  other = from_1;
  other.identity.fingerprint = 8;
  EXPECT_EQ(why(other), "this is another cluster of the name 'c'");
  other = from_1;
  other.wanted.node = NodeId(3);
  EXPECT_EQ(why(other), "this is node 2, not 3");
  other = from_1;
  other.wanted.shard = 1;
  EXPECT_EQ(why(other), "this node has 1 shards, none is 1");
  EXPECT_NE(host::objection(n2, 1, from_1, 5), std::nullopt) << "an earlier incarnation";
  EXPECT_EQ(host::objection(n2, 1, from_1, 4), std::nullopt);
  Hello future = hello_of(from_1, {});
  future.oldest = future.newest = 9;
  EXPECT_NE(challenge(n2, 1, future, {}, "").error().detail.find("not known"), std::string::npos);
}

// --- the port ------------------------------------------------------------------------------

// Why somebody was refused, as the log says it.
class TraceOfRefusals final : public io::Trace {
 public:
  bool wants(io::Level) const override { return true; }
  void event(io::Level, std::string_view name, std::initializer_list<io::Field> fields) override {
    if (name != "peers.refused") return;
    for (const io::Field& field : fields) {
      if (field.name == "why") said.emplace_back(std::get<std::string_view>(field.value));
    }
  }
  void count(std::string_view, std::uint64_t) override {}
  std::vector<std::string> said;
};

// One node, its port open, and a test that knocks.
class House {
 public:
  explicit House(std::shared_ptr<const Credentials> credentials = nullptr)
      : credentials_(std::move(credentials)) {}
  ~House() { pool_.stop(); }
  void run(std::move_only_function<void()> body) {
    mesh_.shards = {&peers_};
    peers_.on_frame([this](const io::Origin&, std::string frame) { frames.push_back(frame); });
    peers_.on_link([this](const io::Link& link) { links.push_back(link); });
    peers_.identify(n2);
    loop_.scheduler.spawn_root("test", [this, body = std::move(body)]() mutable {
      auto made = peers_.port().listen("127.0.0.1:0");
      ASSERT_TRUE(made);
      listener = std::move(*made);
      body();
      peers_.close();
      listener.reset();
      loop_.stop();
    });
    loop_.run();
    peers_.on_link({});
    peers_.on_frame({});
  }
  std::unique_ptr<SocketStream> knock() {
    auto stream = streams_.open(listener->address(), soon());
    EXPECT_TRUE(stream) << stream.error().detail;
    return std::move(*stream);
  }
  Result<std::unique_ptr<MovableStream>> knock(std::shared_ptr<const Credentials> with) {
    return NodeStreams(loop_, streams_, std::move(with)).open(listener->address(), soon());
  }
  Instant soon() { return loop_.clock.steady() + 10s; }
  void pause(Duration span) {
    EXPECT_TRUE(loop_.scheduler.sleep_until(loop_.clock.steady() + span));
  }

  // What a well-behaved dialer says, up to and with its proof.
  Result<FrameDecoder> introduce(MovableStream& stream, host::Introduction introduction) {
    const Hello hello = hello_of(introduction, {.high = 1, .low = 1});
    TRY_VOID(write_all(
        stream, std::string(magic) + whole_frame(FrameKind::hello, wire::encode(hello)), soon()));
    FrameDecoder decoder(1 << 20);
    TRY(challenged, expect(stream, decoder, FrameKind::challenge, soon()));
    TRY(theirs, wire::decode<Challenge>(challenged));
    TRY(proof, prove(introduction, hello, theirs, "the secret"));
    TRY_VOID(say(stream, FrameKind::proof, proof, soon()));
    return decoder;
  }

  // The rest, to the end; or why there is none.
  std::string rest_of(io::Stream& stream) {
    std::string text, buffer(4096, '\0');
    while (true) {
      const auto count = stream.read(std::as_writable_bytes(std::span(buffer)), soon());
      if (!count) return text + "(" + count.error().detail + ")";
      if (*count == 0) return text;
      text.append(buffer, 0, *count);
    }
  }

  std::vector<std::string> frames;
  std::vector<io::Link> links;
  std::unique_ptr<io::Listener> listener;
  TraceOfRefusals trace;

 private:
  const std::shared_ptr<const Credentials> credentials_;
  Pool pool_{"work", 1};
  Loop loop_;
  Offload work_{loop_, pool_};
  KernelRandom random_;
  Ports ports_;
  SystemNames names_{work_};
  SocketStreams streams_{loop_, names_, ports_};
  Mesh mesh_;
  ShardPeers peers_{{.loop = loop_,
                     .streams = streams_,
                     .random = random_,
                     .trace = trace,
                     .mesh = mesh_,
                     .self = {.node = NodeId(2), .shard = 0},
                     .secret = "the secret",
                     .credentials = credentials_}};
};

TEST(NodePort, TellsPeersAndHttpApart) {
  House house;
  house.run([&] {
    const auto http = house.knock();
    ASSERT_TRUE(write_all(*http, "GET / HTTP/1.1\r\n\r\n", house.soon()));
    const auto served = house.listener->accept(house.soon());
    ASSERT_TRUE(served);
    std::string text(64, '\0');
    const auto count = (*served)->read(std::as_writable_bytes(std::span(text)), house.soon());
    EXPECT_EQ(text.substr(0, count.value_or(0)), "GET / HTTP/1.1\r\n\r\n");

    const auto peer = house.knock();
    auto decoder = house.introduce(*peer, from_1);
    ASSERT_TRUE(decoder) << decoder.error().detail;
    EXPECT_TRUE(expect(*peer, *decoder, FrameKind::welcome, house.soon()));
    ASSERT_TRUE(write_all(*peer, whole_frame(FrameKind::data, "hello"), house.soon()));
    while (house.frames.empty()) house.pause(1ms);
    EXPECT_EQ(house.frames[0], "hello");
    EXPECT_EQ(house.links[0].incarnation, 4U);
  });
}

TEST(NodePort, GarbageClosesTheConnectionAndNothingElse) {
  House house;
  house.run([&] {
    const auto friend_of = house.knock();
    auto decoder = house.introduce(*friend_of, from_1);
    ASSERT_TRUE(decoder);
    ASSERT_TRUE(expect(*friend_of, *decoder, FrameKind::welcome, house.soon()));
    std::string hello = std::string(magic) + whole_frame(FrameKind::hello, "\xFF\xFF\xFF");
    std::string huge(magic);
    put_be(huge, std::uint32_t{0xFFFFFFFF});
    huge.append(100, 'x');
    for (const std::string& garbage :
         {std::string(magic.substr(0, 1)) + "XXXX" + std::string(100, 'x'), hello, huge,
          std::string(magic) + whole_frame(FrameKind::data, "no hello"),
          std::string(magic) + whole_frame(FrameKind::ping, "")}) {
      const auto stranger = house.knock();
      ASSERT_TRUE(write_all(*stranger, garbage, house.soon()));
      std::array<std::byte, 256> into;
      Result<std::size_t> read = 1U;
      while (read && *read > 0) read = stranger->read(into, house.soon());
      EXPECT_TRUE(read || read.error().code == Code::failed);  // closed, not waited for
    }
    ASSERT_TRUE(write_all(*friend_of, whole_frame(FrameKind::data, "still here"), house.soon()));
    while (house.frames.empty()) house.pause(1ms);
    EXPECT_EQ(house.frames, std::vector<std::string>{"still here"});
    EXPECT_EQ(house.links.size(), 1U);
  });
}

TEST(NodePort, ABrokenFrameEndsItsConnection) {
  House house;
  house.run([&] {
    const auto peer = house.knock();
    auto decoder = house.introduce(*peer, from_1);
    ASSERT_TRUE(decoder);
    ASSERT_TRUE(expect(*peer, *decoder, FrameKind::welcome, house.soon()));
    std::string frame = whole_frame(FrameKind::data, "some bytes");
    frame.back() ^= 1;
    ASSERT_TRUE(write_all(*peer, frame, house.soon()));
    while (house.links.size() < 2) house.pause(1ms);
    EXPECT_EQ(house.links[1].now, io::Link::Now::down);
    EXPECT_EQ(house.links[1].why, "the check of a frame does not hold");
    EXPECT_TRUE(house.frames.empty());
  });
}

TEST(NodePort, WhoDoesNotAnswerIsGivenUp) {
  House house;
  house.run([&] {
    const auto peer = house.knock();
    auto decoder = house.introduce(*peer, from_1);
    ASSERT_TRUE(decoder);
    ASSERT_TRUE(expect(*peer, *decoder, FrameKind::welcome, house.soon()));
    EXPECT_TRUE(expect(*peer, *decoder, FrameKind::ping, house.soon()));  // it asks first
    while (house.links.size() < 2) house.pause(10ms);
    EXPECT_EQ(house.links[1].why, "nothing was heard for too long");
  });
}

TEST(NodePort, AnIdleLinkThatAnswersStaysUp) {
  House house;
  house.run([&] {
    const auto peer = house.knock();
    auto decoder = house.introduce(*peer, from_1);
    ASSERT_TRUE(decoder);
    ASSERT_TRUE(expect(*peer, *decoder, FrameKind::welcome, house.soon()));
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(expect(*peer, *decoder, FrameKind::ping, house.soon()));
      ASSERT_TRUE(write_all(*peer, whole_frame(FrameKind::pong, ""), house.soon()));
    }
    EXPECT_EQ(house.links.size(), 1U);
  });
}

// --- the port with TLS ---------------------------------------------------------------------

std::shared_ptr<const Credentials> loaded(const TlsFiles& files) {
  return Credentials::load(files).value();
}

TEST(NodePortWithTls, TellsPeersAndHttpApart) {
  Authority authority("ours");
  House house(loaded(authority.issue("n2")));
  house.run([&] {
    const auto mine = loaded(authority.issue("n1"));
    const auto http = house.knock(mine);
    ASSERT_TRUE(http) << http.error().detail;
    ASSERT_TRUE(write_all(**http, "GET / HTTP/1.1\r\n\r\n", house.soon()));
    const auto served = house.listener->accept(house.soon());
    ASSERT_TRUE(served);
    std::string text(64, '\0');
    const auto count = (*served)->read(std::as_writable_bytes(std::span(text)), house.soon());
    EXPECT_EQ(text.substr(0, count.value_or(0)), "GET / HTTP/1.1\r\n\r\n");

    const auto peer = house.knock(mine);
    ASSERT_TRUE(peer) << peer.error().detail;
    auto decoder = house.introduce(**peer, from_1);
    ASSERT_TRUE(decoder) << decoder.error().detail;
    EXPECT_TRUE(expect(**peer, *decoder, FrameKind::welcome, house.soon()));
    const std::string large(3'000'000, 'x');
    ASSERT_TRUE(write_all(**peer, whole_frame(FrameKind::data, "hello"), house.soon()));
    ASSERT_TRUE(write_all(**peer, whole_frame(FrameKind::data, large), house.soon()));
    while (house.frames.size() < 2) house.pause(1ms);
    EXPECT_EQ(house.frames[0], "hello");
    EXPECT_TRUE(house.frames[1] == large);
    EXPECT_TRUE(house.trace.said.empty());
  });
}

TEST(NodePortWithTls, WhoSpeaksWithoutItHearsWhy) {
  Authority authority("ours");
  House house(loaded(authority.issue("n2")));
  house.run([&] {
    const auto peer = house.knock();
    const auto introduced = house.introduce(*peer, from_1);
    ASSERT_FALSE(introduced);
    EXPECT_EQ(introduced.error().detail, "this node speaks TLS only");
    const auto http = house.knock();
    ASSERT_TRUE(write_all(*http, "GET / HTTP/1.1\r\n\r\n", house.soon()));
    const std::string answer = house.rest_of(*http);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
    EXPECT_TRUE(answer.ends_with("speaks TLS only\"}")) << answer;
    EXPECT_EQ(house.trace.said,
              std::vector<std::string>(2, "it does not speak TLS, and this node nothing else"));
    EXPECT_TRUE(house.links.empty());
  });
}

TEST(NodePortWithTls, WhoIsOfAnotherAuthorityIsRefused) {
  Authority ours("ours"), theirs("theirs");
  House house(loaded(ours.issue("n2")));
  house.run([&] {
    TlsFiles stranger = theirs.issue("n1");
    stranger.ca = ours.ca_file();
    const auto peer = house.knock(loaded(stranger));
    ASSERT_TRUE(peer) << peer.error().detail;
    const auto introduced = house.introduce(**peer, from_1);
    ASSERT_FALSE(introduced);
    EXPECT_TRUE(introduced.error().detail.ends_with("alert unknown ca"))
        << introduced.error().detail;
    while (house.trace.said.empty()) house.pause(1ms);
    EXPECT_TRUE(house.trace.said[0].contains("its certificate: ")) << house.trace.said[0];
  });
}

TEST(NodePort, TlsIsRefusedWhereThereIsNone) {
  Authority authority("ours");
  House house;
  house.run([&] {
    EXPECT_FALSE(house.knock(loaded(authority.issue("n1"))));
    EXPECT_EQ(house.trace.said,
              std::vector<std::string>{"it speaks TLS, and this node has no certificate"});
  });
}

}  // namespace
}  // namespace perdure::net
