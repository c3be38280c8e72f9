// Heads that go out and come back; the parts that strangers write.
#include "engine/invoker/request.h"

#include <gtest/gtest.h>

#include "engine/invoker/frame_reader.h"

namespace perdure::invoker {
namespace {

using namespace std::chrono_literals;

constexpr WallTime now{1'700'000'000'000ms};  // Tue, 14 Nov 2023 22:13:20 GMT

TEST(Request, AddressesHaveParts) {
  const auto whole = parse_address("http://host:9080/a/b/");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->scheme, "http");
  EXPECT_EQ(whole->authority, "host:9080");
  EXPECT_EQ(whole->path, "/a/b");
  EXPECT_EQ(parse_address("http://host/")->path, "");
  EXPECT_EQ(parse_address("https://host")->authority, "host");
  EXPECT_FALSE(parse_address("host:9080"));
  EXPECT_FALSE(parse_address("http:///path"));
}

TEST(Request, RetryAfterIsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("0", now), 0ms);
  EXPECT_EQ(parse_retry_after("120", now), 120s);
  EXPECT_EQ(parse_retry_after("4000000000", now), std::chrono::days(366));
  EXPECT_EQ(parse_retry_after("Tue, 14 Nov 2023 22:13:50 GMT", now), 30s);
  EXPECT_EQ(parse_retry_after("Tue, 14 Nov 2023 22:13:50 +0000", now), 30s);
  EXPECT_EQ(parse_retry_after("Tue, 14 Nov 2023 22:13:10 GMT", now), 0ms);
  EXPECT_EQ(parse_retry_after("Tue, 31 Feb 2023 22:13:10 GMT", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("Tue, 14 Nov 2023 25:13:10 GMT", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("soon", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("-1", now), std::nullopt);
  EXPECT_EQ(parse_retry_after("", now), std::nullopt);
}

TEST(Request, OnlySampledTracesArePassedOn) {
  const wire::Target target{.service = "S", .handler = "h"};
  const wire::Deployment deployment{.uri = "http://host/"};
  const io::Headers none;
  const auto traced = [&](std::string_view traceparent) {
    const auto made = request_for({.id = {},
                                   .target = target,
                                   .deployment = deployment,
                                   .version = 6,
                                   .traceparent = traceparent,
                                   .additional = none});
    return io::find_header(made->request.headers, "traceparent") != nullptr;
  };
  EXPECT_TRUE(traced("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
  EXPECT_FALSE(traced("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"));
  EXPECT_FALSE(traced("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
  EXPECT_FALSE(traced("nonsense"));
}

TEST(FrameReader, HoldsOnlyWhatIsUnfinished) {
  std::string two;
  wire::put_frame(two, wire::MessageType::end, "");
  wire::put_frame(two, wire::MessageType::error, "0123456789");
  FrameReader reader(100);
  reader.feed(two.substr(0, 12));
  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.between_frames());
  reader.feed(two.substr(12));
  EXPECT_EQ(reader.bytes_held(), two.size() - wire::frame_header_bytes);
  const auto second = reader.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->payload, "0123456789");
  EXPECT_TRUE(reader.between_frames());
}

}  // namespace
}  // namespace perdure::invoker
