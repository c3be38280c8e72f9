// TLS between two ends on one loop, and against OpenSSL on a thread of its own.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "engine/base/bytes.h"
#include "net/loop/offload.h"
#include "net/sockets/names.h"
#include "net/sockets/sockets.h"
#include "net/tls/stream.h"
#include "tests/net/certificates.h"
#include "tests/net/run_on_loop.h"

namespace perdure::net {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const Credentials> loaded(const TlsFiles& files) {
  auto credentials = Credentials::load(files);
  EXPECT_TRUE(credentials) << credentials.error().detail;
  return *credentials;
}

std::string some_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 7;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

using Shaken = Result<std::unique_ptr<TlsStream>>;

// A loop, a port, and who meets there.
class House {
 public:
  ~House() { pool_.stop(); }

  void run(std::move_only_function<void()> body) {
    run_on(loop, [&] {
      auto listening = sockets.listen("127.0.0.1:0");
      ASSERT_TRUE(listening);
      listener = std::move(*listening);
      body();
      listener.reset();
    });
  }
  Instant soon() const { return loop.clock.steady() + 10s; }
  void pause(Duration span) { EXPECT_TRUE(loop.scheduler.sleep_until(loop.clock.steady() + span)); }
  std::unique_ptr<SocketStream> dial(std::string address = {}) {
    auto socket = sockets.open(address.empty() ? listener->address() : address, soon());
    EXPECT_TRUE(socket) << socket.error().detail;
    return std::move(*socket);
  }
  std::unique_ptr<SocketStream> accept() {
    auto socket = listener->accept(soon());
    EXPECT_TRUE(socket) << socket.error().detail;
    return std::unique_ptr<SocketStream>(static_cast<SocketStream*>(socket->release()));
  }
  Shaken accept_tls(const Credentials& credentials) {
    return TlsStream::shake_hands(loop, accept(), credentials, TlsSide::accepts, soon());
  }

  struct Ends {
    Shaken dialer = fail(Code::failed, "not yet"), acceptor = fail(Code::failed, "not yet");
  };
  Ends meet(const TlsFiles& dials, const TlsFiles& accepts) {
    Ends ends;
    io::Group group(loop.scheduler);
    group.start("accept", [&] { ends.acceptor = accept_tls(*loaded(accepts)); });
    ends.dialer = TlsStream::shake_hands(loop, dial(), *loaded(dials), TlsSide::dials, soon());
    group.join();
    return ends;
  }

  // All of it.
  void write(io::Stream& stream, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = stream.write(as_bytes(bytes), soon());
      ASSERT_TRUE(count) << count.error().detail;
      bytes.remove_prefix(*count);
    }
  }
  // Up to so many bytes, or the end.
  std::string read(io::Stream& stream, std::size_t size) {
    std::string bytes;
    std::string buffer(100'000, '\0');
    while (bytes.size() < size) {
      const std::span room = std::as_writable_bytes(std::span(buffer));
      const auto count =
          stream.read(room.first(std::min(room.size(), size - bytes.size())), soon());
      EXPECT_TRUE(count) << count.error().detail;
      if (!count || *count == 0) break;
      bytes.append(buffer, 0, *count);
    }
    return bytes;
  }
  bool at_end(io::Stream& stream) {
    std::array<std::byte, 1> one;
    const auto count = stream.read(one, soon());
    return count && *count == 0;
  }

  Loop loop;

 private:
  Pool pool_{"test", 1};
  Offload offload_{loop, pool_};
  Ports ports_;
  SystemNames names_{offload_};

 public:
  SocketStreams sockets{loop, names_, ports_};
  std::unique_ptr<io::Listener> listener;
};

std::string why(const Shaken& shaken) { return shaken ? "it is let in" : shaken.error().detail; }

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// --- who is let in -------------------------------------------------------------------------

TEST(Tls, BothSidesHaveACertificateOfTheAuthority) {
  Authority authority("ours");
  House house;
  house.run([&] {
    auto ends = house.meet(authority.issue("n1"), authority.issue("n2"));
    ASSERT_TRUE(ends.dialer) << why(ends.dialer);
    ASSERT_TRUE(ends.acceptor) << why(ends.acceptor);
    house.write(**ends.dialer, "a question");
    EXPECT_EQ(house.read(**ends.acceptor, 10), "a question");
    house.write(**ends.acceptor, "an answer");
    EXPECT_EQ(house.read(**ends.dialer, 9), "an answer");
  });
}

TEST(Tls, ADialerRefusesAnotherAuthority) {
  Authority ours("ours"), theirs("theirs");
  House house;
  house.run([&] {
    const auto ends = house.meet(ours.issue("n1"), theirs.issue("n2"));
    EXPECT_TRUE(says(why(ends.dialer), "its certificate: unable to get local issuer"))
        << why(ends.dialer);
    EXPECT_TRUE(says(why(ends.acceptor), "alert unknown ca")) << why(ends.acceptor);
  });
}

TEST(Tls, AnAcceptorRefusesAnotherAuthority) {
  Authority ours("ours"), theirs("theirs");
  House house;
  house.run([&] {
    TlsFiles stranger = theirs.issue("n1");
    stranger.ca = ours.ca_file();  // he trusts us; we do not trust him
    const auto ends = house.meet(stranger, ours.issue("n2"));
    EXPECT_TRUE(says(why(ends.acceptor), "its certificate: unable to get local issuer"))
        << why(ends.acceptor);
    ASSERT_TRUE(ends.dialer) << "it hears of it when it reads";
    std::array<std::byte, 1> one;
    const auto heard = (*ends.dialer)->read(one, house.soon());
    ASSERT_FALSE(heard);
    EXPECT_TRUE(says(heard.error().detail, "alert unknown ca")) << heard.error().detail;
  });
}

TEST(Tls, ACertificateThatHasEndedIsRefused) {
  Authority authority("ours");
  House house;
  house.run([&] {
    const auto ends = house.meet(authority.issue("n1"), authority.issue("n2", -3600));
    EXPECT_TRUE(says(why(ends.dialer), "its certificate: certificate has expired"))
        << why(ends.dialer);
  });
}

// OpenSSL as others use it, on a blocking socket and a thread of its own.
struct OtherClient {
  explicit OtherClient(const TlsFiles& files, int newest = TLS1_3_VERSION)
      : context(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free) {
    ::SSL_CTX_set_max_proto_version(context.get(), newest);
    if (!files.cert.empty()) {
      ::SSL_CTX_use_certificate_chain_file(context.get(), files.cert.c_str());
      ::SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM);
    }
  }
  // In its thread.  The text: what OpenSSL has to complain, "" for nothing.
  template <class Body>
  std::string talk(const std::string& address, Body body) {
    const HostPort where = *parse_host_port(address);
    const SocketAddress to = *SocketAddress::literal(where.host, where.port);
    const Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(::connect(socket.get(), to.raw(), to.size()), 0);
    SSL* const session = ::SSL_new(context.get());
    ::SSL_set_fd(session, socket.get());
    std::string trouble;
    if (::SSL_connect(session) != 1 || !body(session)) trouble = tls_error();
    ::SSL_free(session);
    return trouble;
  }
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context;
};

bool reads_a_byte(SSL* session) {
  char byte = 0;
  return ::SSL_read(session, &byte, 1) == 1;
}

TEST(Tls, WhoShowsNothingIsRefused) {
  Authority authority("ours");
  House house;
  house.run([&] {
    std::string trouble;
    std::thread client([&, address = house.listener->address()] {
      trouble = OtherClient({}).talk(address, reads_a_byte);
    });
    const Shaken shaken = house.accept_tls(*loaded(authority.issue("n1")));
    client.join();
    EXPECT_TRUE(says(why(shaken), "peer did not return a certificate")) << why(shaken);
    EXPECT_TRUE(says(trouble, "alert certificate required")) << trouble;
  });
}

TEST(Tls, AnOlderVersionIsRefused) {
  Authority authority("ours");
  House house;
  house.run([&] {
    std::string trouble;
    std::thread client([&, address = house.listener->address(), files = authority.issue("n2")] {
      trouble = OtherClient(files, TLS1_2_VERSION).talk(address, reads_a_byte);
    });
    const Shaken shaken = house.accept_tls(*loaded(authority.issue("n1")));
    client.join();
    EXPECT_TRUE(says(why(shaken), "unsupported protocol")) << why(shaken);
    EXPECT_TRUE(says(trouble, "alert protocol version")) << trouble;
  });
}

TEST(Tls, FilesThatDoNotFitAreNamed) {
  Authority authority("ours");
  const TlsFiles good = authority.issue("n1"), other = authority.issue("n2");
  EXPECT_EQ(*Credentials::load({}), nullptr);
  const auto complaint = [](const TlsFiles& files) {
    const auto loaded = Credentials::load(files);
    return loaded ? std::string() : loaded.error().detail;
  };
  EXPECT_TRUE(says(complaint({.cert = good.cert, .key = good.key, .ca = {}}), "all, or none"));
  EXPECT_TRUE(says(complaint({.cert = "nowhere", .key = good.key, .ca = good.ca}),
                   "--tls-cert: cannot read 'nowhere'"));
  EXPECT_TRUE(
      says(complaint({.cert = good.cert, .key = other.key, .ca = good.ca}), "key values mismatch"));
  EXPECT_TRUE(says(complaint({.cert = good.key, .key = good.key, .ca = good.ca}), "--tls-cert"));
  EXPECT_TRUE(says(complaint({.cert = good.cert, .key = good.key, .ca = good.key}), "--tls-ca"));
}

// --- how bytes get through -----------------------------------------------------------------

// Carries bytes between two sockets, one a turn.
void carry(House& house, SocketStream& from, SocketStream& to) {
  std::array<std::byte, 1> byte;
  while (from.read(byte, house.soon()).value_or(0) > 0) {
    if (!to.write(byte, house.soon())) return;
    house.pause(1ns);
  }
  to.finish();
}

TEST(Tls, ByteAfterByteItIsTheSame) {
  Authority authority("ours");
  House house;
  house.run([&] {
    const std::string question = some_bytes(700), answer = some_bytes(900);
    const TlsFiles files = authority.issue("n1");
    io::Group group(house.loop.scheduler);
    auto proxy = house.sockets.listen("127.0.0.1:0");
    ASSERT_TRUE(proxy);
    group.start("proxy", [&] {
      const auto in = (*proxy)->accept(house.soon());
      ASSERT_TRUE(in);
      auto& near = static_cast<SocketStream&>(**in);
      const auto far = house.dial();
      io::Group ways(house.loop.scheduler);
      ways.start("there", [&] { carry(house, near, *far); });
      ways.start("back", [&] { carry(house, *far, near); });
      ways.join();
    });
    group.start("acceptor", [&] {
      const auto stream = house.accept_tls(*loaded(files));
      ASSERT_TRUE(stream) << why(stream);
      EXPECT_TRUE(house.read(**stream, question.size()) == question);
      EXPECT_TRUE(house.at_end(**stream));
      house.write(**stream, answer);
      (*stream)->finish();
    });
    const auto stream = TlsStream::shake_hands(house.loop, house.dial((*proxy)->address()),
                                               *loaded(files), TlsSide::dials, house.soon());
    ASSERT_TRUE(stream) << why(stream);
    house.write(**stream, question);
    (*stream)->finish();
    EXPECT_TRUE(house.read(**stream, answer.size()) == answer);
    EXPECT_TRUE(house.at_end(**stream));
    group.join();
  });
}

TEST(Tls, MuchGoesBothWaysAtOnce) {
  Authority authority("ours");
  House house;
  house.run([&] {
    auto ends = house.meet(authority.issue("n1"), authority.issue("n2"));
    ASSERT_TRUE(ends.dialer && ends.acceptor);
    const std::string there = some_bytes(9'000'001), back = some_bytes(7'000'003);
    // As links do: pieces of all sizes in one call.
    const auto send = [&house](MovableStream& stream, std::string_view bytes) {
      constexpr std::array<std::size_t, 6> sizes = {9, 100, 9, 40'000, 9, 16'384};
      while (!bytes.empty()) {
        std::vector<iovec> pieces;
        std::size_t at = 0;
        for (const std::size_t size : sizes) {
          const std::string_view piece = bytes.substr(std::min(at, bytes.size()), size);
          at += piece.size();
          pieces.push_back({.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()});
        }
        const auto count = stream.write_pieces(pieces, house.soon());
        ASSERT_TRUE(count) << count.error().detail;
        bytes.remove_prefix(*count);
      }
      stream.finish();
    };
    io::Group group(house.loop.scheduler);
    group.start("there", [&] { send(**ends.dialer, there); });
    group.start("back", [&] { send(**ends.acceptor, back); });
    group.start("read", [&] {
      house.pause(20ms);  // so that the socket is full before
      EXPECT_TRUE(house.read(**ends.acceptor, there.size()) == there);
      EXPECT_TRUE(house.at_end(**ends.acceptor));
    });
    EXPECT_TRUE(house.read(**ends.dialer, back.size()) == back);
    EXPECT_TRUE(house.at_end(**ends.dialer));
    group.join();
  });
}

TEST(Tls, AWriteThatTimedOutHasTakenNothing) {
  Authority authority("ours");
  House house;
  house.run([&] {
    auto ends = house.meet(authority.issue("n1"), authority.issue("n2"));
    ASSERT_TRUE(ends.dialer && ends.acceptor);
    const std::string bytes = some_bytes(30'000'000);
    std::string_view left = bytes;
    Result<std::size_t> count = 0;
    while (true) {  // nobody reads
      count = (*ends.dialer)->write(as_bytes(left), house.loop.clock.steady() + 20ms);
      if (!count) break;
      left.remove_prefix(*count);
    }
    EXPECT_EQ(count.error().code, Code::timed_out);
    const std::size_t taken = bytes.size() - left.size();
    ASSERT_GT(left.size(), 0U);
    EXPECT_TRUE(house.read(**ends.acceptor, taken) == bytes.substr(0, taken));
    house.write(**ends.dialer, "and then");
    EXPECT_EQ(house.read(**ends.acceptor, 8), "and then");
  });
}

TEST(Tls, WhatIsUnsentAtTheEndArrives) {
  Authority authority("ours");
  House house;
  house.run([&] {
    auto ends = house.meet(authority.issue("n1"), authority.issue("n2"));
    ASSERT_TRUE(ends.dialer && ends.acceptor);
    (*ends.acceptor)->finish();
    EXPECT_TRUE(house.at_end(**ends.dialer));
    const std::string bytes = some_bytes(30'000'000);
    std::string_view left = bytes;
    while (const auto count = (*ends.dialer)->write(as_bytes(left), house.loop.clock.steady())) {
      left.remove_prefix(*count);
    }
    (*ends.dialer)->finish();
    ends.dialer->reset();
    const std::size_t taken = bytes.size() - left.size();
    EXPECT_TRUE(house.read(**ends.acceptor, taken) == bytes.substr(0, taken));
    EXPECT_TRUE(house.at_end(**ends.acceptor));
  });
}

TEST(Tls, ACutIsNoEnd) {
  Authority authority("ours");
  House house;
  house.run([&] {
    std::thread client([address = house.listener->address(), files = authority.issue("n2")] {
      OtherClient(files).talk(address, [](SSL* session) {
        ::SSL_write(session, "half a sen", 10);
        ::shutdown(::SSL_get_fd(session), SHUT_WR);
        return !reads_a_byte(session);
      });
    });
    {
      const Shaken stream = house.accept_tls(*loaded(authority.issue("n1")));
      ASSERT_TRUE(stream) << why(stream);
      EXPECT_EQ(house.read(**stream, 10), "half a sen");
      std::array<std::byte, 1> one;
      const auto end = (*stream)->read(one, house.soon());
      ASSERT_FALSE(end);
      EXPECT_TRUE(says(end.error().detail, "unexpected eof")) << end.error().detail;
    }
    client.join();
  });
}

TEST(Tls, LastWordsAreHeardThoughNobodyListensAnyMore) {
  Authority authority("ours");
  House house;
  house.run([&] {
    std::thread client([address = house.listener->address(), files = authority.issue("n2")] {
      OtherClient(files).talk(address, [](SSL* session) {
        return ::SSL_write(session, "go away", 7) == 7 && ::SSL_shutdown(session) >= 0;
      });
    });
    const Shaken stream = house.accept_tls(*loaded(authority.issue("n1")));
    client.join();
    ASSERT_TRUE(stream) << why(stream);
    while ((*stream)->write(as_bytes("a question"), house.soon())) house.pause(1ms);
    EXPECT_EQ(house.read(**stream, 7), "go away");
    EXPECT_TRUE(house.at_end(**stream));
  });
}

TEST(Tls, GoesOnOnAnotherLoop) {
  Authority authority("ours");
  House first, second;
  std::string trouble = "not run";
  std::thread client;
  MovableStream::Anew moved;
  first.run([&] {
    client = std::thread([&, address = first.listener->address(), files = authority.issue("n2")] {
      trouble = OtherClient(files).talk(address, [](SSL* session) {
        std::array<char, 8> heard = {};
        return ::SSL_write(session, "here", 4) == 4 && ::SSL_write(session, "there", 5) == 5 &&
               ::SSL_read(session, heard.data(), 8) == 5 &&
               std::string_view(heard.data()) == "heard";
      });
    });
    const Shaken stream = first.accept_tls(*loaded(authority.issue("n1")));
    ASSERT_TRUE(stream) << why(stream);
    EXPECT_EQ((*stream)->peek(first.soon()).value_or(""), "h");
    EXPECT_EQ(first.read(**stream, 4), "here");
    first.pause(20ms);  // the rest has come, and may be in OpenSSL's hands
    moved = (*stream)->move_out();
  });
  second.run([&] {
    const auto stream = moved(second.loop);
    EXPECT_EQ(second.read(*stream, 5), "there");
    second.write(*stream, "heard");
    stream->finish();
    second.pause(20ms);
    client.join();
  });
  EXPECT_EQ(trouble, "");
}

}  // namespace
}  // namespace perdure::net
