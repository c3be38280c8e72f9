#include <rapidcheck.h>

#include <array>

#include "engine/base/bytes.h"
#include "tests/io/twins.h"

namespace perdure::io {
namespace {

using namespace std::chrono_literals;

struct Pair {
  std::unique_ptr<Stream> caller, served;
};

class StreamsTwins : public OnTwin {
 protected:
  std::unique_ptr<Listener> listen() {
    auto listener = streams().listen("127.0.0.1:0");
    EXPECT_TRUE(listener) << listener.error().detail;
    return std::move(*listener);
  }
  Pair connect(Listener& listener) {
    Pair pair;
    Group group(fibers());
    group.start("accepts", [&] {
      auto served = listener.accept(soon());
      EXPECT_TRUE(served) << served.error().detail;
      pair.served = std::move(*served);
    });
    auto caller = streams().connect(listener.address(), soon());
    EXPECT_TRUE(caller) << caller.error().detail;
    pair.caller = std::move(*caller);
    group.join();
    return pair;
  }
  Pair connect() {
    listener_ = listen();
    return connect(*listener_);
  }
  void write_all(Stream& stream, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = stream.write(as_bytes(bytes), soon());
      ASSERT_TRUE(count) << count.error().detail;
      ASSERT_GE(*count, 1U);
      bytes.remove_prefix(*count);
    }
  }
  // What comes until the other side says finish().
  std::string read_to_end(Stream& stream, std::size_t piece = 4096) {
    std::string all, into(piece, '?');
    while (true) {
      const auto count = stream.read(std::as_writable_bytes(std::span(into)), soon());
      EXPECT_TRUE(count) << count.error().detail;
      if (!count || *count == 0) return all;
      all.append(into, 0, *count);
    }
  }
  Result<std::size_t> read_some(Stream& stream, Instant deadline) {
    std::array<std::byte, 64> into;
    return stream.read(into, deadline);
  }
  void TearDown() override {
    run([&] { listener_.reset(); });
  }

 private:
  std::unique_ptr<Listener> listener_;
};

TEST_P(StreamsTwins, CarryBytesBothWays) {
  run([&] {
    const Pair pair = connect();
    write_all(*pair.caller, "ping");
    pair.caller->finish();
    EXPECT_EQ(read_to_end(*pair.served), "ping");
    write_all(*pair.served, "pong");  // the other half is open still
    pair.served->finish();
    EXPECT_EQ(read_to_end(*pair.caller), "pong");
    EXPECT_EQ(read_to_end(*pair.caller), "");  // an end stays an end
    EXPECT_NE(pair.served->peer(), "");
    EXPECT_NE(pair.served->peer(), pair.caller->peer());
  });
}

TEST_P(StreamsTwins, ListenerKnowsItsPort) {
  run([&] {
    const auto one = listen(), two = listen();
    EXPECT_TRUE(one->address().starts_with("127.0.0.1:"));
    EXPECT_FALSE(one->address().ends_with(":0"));
    EXPECT_NE(one->address(), two->address());
    const Pair pair = connect(*two);
    EXPECT_EQ(pair.caller->peer(), two->address());
  });
}

TEST_P(StreamsTwins, MoreThanAnyBufferHoldsArrivesWhole) {
  run([&] {
    const Pair pair = connect();
    std::string bytes;
    for (std::uint32_t i = 0; bytes.size() < 5'000'000; ++i) put_be(bytes, i);
    Group group(fibers());
    group.start("writes", [&] {
      write_all(*pair.caller, bytes);
      pair.caller->finish();
    });
    EXPECT_TRUE(read_to_end(*pair.served, 70'000) == bytes);
    group.join();
  });
}

TEST_P(StreamsTwins, AFullPipeMakesTheWriterWait) {
  run([&] {
    const Pair pair = connect();
    const std::string bytes(1 << 20, 'x');
    std::size_t written = 0;
    Result<std::size_t> last = 0U;
    while (last && written < 200U << 20) {
      last = pair.caller->write(as_bytes(bytes), in(100ms));
      written += last.value_or(0);
    }
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().code, Code::timed_out);
    std::size_t read = 0;
    while (read < written) {
      std::string into(1 << 20, '?');
      const auto count = pair.served->read(std::as_writable_bytes(std::span(into)), soon());
      ASSERT_TRUE(count && *count > 0);
      read += *count;
    }
    write_all(*pair.caller, "goes on");
  });
}

TEST_P(StreamsTwins, WhatWasReadHasArrived) {
  run([&] {
    const Pair pair = connect();
    EXPECT_TRUE(pair.caller->arrived());
    write_all(*pair.caller, "ping");
    pair.caller->finish();
    EXPECT_EQ(read_to_end(*pair.served), "ping");
    const Instant latest = soon();
    while (!pair.caller->arrived() && fibers().now() < latest) (void)fibers().sleep_until(in(1ms));
    EXPECT_TRUE(pair.caller->arrived());
  });
}

TEST_P(StreamsTwins, ReadsWaitForBytesUntilTheDeadline) {
  run([&] {
    const Pair pair = connect();
    EXPECT_EQ(read_some(*pair.caller, in(5ms)).error().code, Code::timed_out);
    Group group(fibers());
    group.start("writes", [&] {
      EXPECT_TRUE(fibers().sleep_until(in(5ms)));
      write_all(*pair.served, "x");
    });
    EXPECT_EQ(read_some(*pair.caller, soon()).value_or(0), 1U);
    group.join();
  });
}

TEST_P(StreamsTwins, CancelEndsWaits) {
  run([&] {
    const auto listener = listen();
    const Pair pair = connect(*listener);
    Group group(fibers());
    int cancelled = 0;
    group.start("reads", [&] {
      cancelled += read_some(*pair.caller, never).error().code == Code::cancelled;
    });
    group.start("accepts",
                [&] { cancelled += listener->accept(never).error().code == Code::cancelled; });
    EXPECT_TRUE(fibers().sleep_until(in(5ms)));
    group.stop();
    EXPECT_EQ(cancelled, 2);
    write_all(*pair.served, "still there");
    EXPECT_EQ(read_some(*pair.caller, soon()).value_or(0), 11U);
  });
}

TEST_P(StreamsTwins, AResetReachesTheOtherSide) {
  run([&] {
    const Pair pair = connect();
    pair.served->reset();
    EXPECT_EQ(read_some(*pair.caller, soon()).error().code, Code::failed);
    EXPECT_EQ(read_some(*pair.served, soon()).error().code, Code::failed);
  });
}

TEST_P(StreamsTwins, AResetEndsOnesOwnWaits) {
  run([&] {
    const Pair pair = connect();
    Group group(fibers());
    Code seen = Code::timed_out;
    group.start("reads", [&] { seen = read_some(*pair.caller, soon()).error().code; });
    EXPECT_TRUE(fibers().sleep_until(in(5ms)));
    pair.caller->reset();
    group.join();
    EXPECT_EQ(seen, Code::failed);
  });
}

TEST_P(StreamsTwins, WhatIsDestroyedUnfinishedIsReset) {
  run([&] {
    Pair pair = connect();
    write_all(*pair.caller, "lost, perhaps");
    pair.served.reset();
    Result<std::size_t> last = 0U;
    while (last) last = read_some(*pair.caller, soon());
    EXPECT_EQ(last.error().code, Code::failed);
  });
}

TEST_P(StreamsTwins, WritingToOneThatIsGoneFails) {
  run([&] {
    Pair pair = connect();
    pair.served->reset();
    Result<std::size_t> last = 0U;
    for (int i = 0; i < 1000 && last; ++i) {
      last = pair.caller->write(as_bytes("x"), soon());
      EXPECT_TRUE(fibers().sleep_until(in(1ms)));
    }
    EXPECT_EQ(last.error().code, Code::failed);
  });
}

TEST_P(StreamsTwins, APortIsFreeWhenItsListenerIsGone) {
  run([&] {
    auto listener = listen();
    const std::string address = listener->address();
    listener.reset();
    EXPECT_TRUE(streams().listen(address));  // free again at once
  });
}

TEST_P(StreamsTwins, NobodyThereIsAFailure) {
  run([&] {
    auto listener = listen();
    const std::string address = listener->address();
    listener.reset();
    const auto refused = streams().connect(address, soon());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::failed);
  });
}

TEST_P(StreamsTwins, NonsenseIsInvalid) {
  run([&] {
    for (const char* address : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "::1:80"}) {
      EXPECT_EQ(streams().listen(address).error().code, Code::invalid) << address;
      EXPECT_EQ(streams().connect(address, soon()).error().code, Code::invalid) << address;
    }
  });
}

TEST_P(StreamsTwins, NamesAreResolved) {
  run([&] {
    const auto listener = listen();
    const std::string port = listener->address().substr(listener->address().rfind(':'));
    EXPECT_TRUE(streams().connect("localhost" + port, soon()));
    const auto absent = streams().connect("no such name" + port, soon());
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().code, Code::not_found);
  });
}

TEST_P(StreamsTwins, ManyAtOnce) {
  run([&] {
    const auto listener = listen();
    Group group(fibers());
    int echoed = 0;
    group.start("serves", [&] {
      Group each(fibers());
      for (int i = 0; i < 50; ++i) {
        auto served = listener->accept(soon());
        ASSERT_TRUE(served);
        each.start("echoes", [this, stream = std::move(*served)] {
          write_all(*stream, read_to_end(*stream));
          stream->finish();
        });
      }
      each.join();
    });
    for (int i = 0; i < 50; ++i) {
      group.start("calls", [&, i] {
        const auto caller = streams().connect(listener->address(), soon());
        ASSERT_TRUE(caller) << caller.error().detail;
        const std::string text(static_cast<std::size_t>(i) * 1000 + 1, 'x');
        write_all(**caller, text);
        (*caller)->finish();
        echoed += read_to_end(**caller) == text;
      });
    }
    group.join();
    EXPECT_EQ(echoed, 50);
  });
}

// However it is cut on the way in and on the way out, the bytes are the same.
TEST_P(StreamsTwins, NoCutChangesTheBytes) {
  EXPECT_TRUE(rc::check([&] {
    const auto pieces =
        *rc::gen::container<std::vector<std::string>>(rc::gen::string<std::string>());
    const auto read_size = *rc::gen::inRange<std::size_t>(1, 50);
    std::string sent, received;
    run([&] {
      const Pair pair = connect();
      Group group(fibers());
      group.start("writes", [&] {
        for (const std::string& piece : pieces) {
          write_all(*pair.caller, piece);
          sent += piece;
        }
        pair.caller->finish();
      });
      received = read_to_end(*pair.served, read_size);
      group.join();
    });
    RC_ASSERT(sent == received);
  }));
}

ON_ALL_TWINS(StreamsTwins);

}  // namespace
}  // namespace perdure::io
