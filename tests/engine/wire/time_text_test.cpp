#include "engine/wire/time_text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace perdure::wire {
namespace {

using namespace std::chrono_literals;

std::chrono::milliseconds read(std::string_view text) {
  const auto parsed = duration_from_text(text);
  EXPECT_TRUE(parsed) << text << ": " << parsed.error().detail;
  return parsed.value_or(-1ms);
}
bool refused(std::string_view text) { return !duration_from_text(text); }

TEST(duration_text, people_write_them_so) {
  EXPECT_EQ(read("5s"), 5s);
  EXPECT_EQ(read("1h 30m"), 90min);
  EXPECT_EQ(read("60 sec"), 60s);
  EXPECT_EQ(read("1 day, 2 hours"), 26h);
  EXPECT_EQ(read("01:02:03"), 1h + 2min + 3s);
  EXPECT_EQ(read("1.5h"), 90min);
  EXPECT_EQ(read("2weeks"), 14 * 24h);
  EXPECT_EQ(read("1h30m5s6ms"), 1h + 30min + 5s + 6ms);
}

TEST(duration_text, machines_write_them_so) {
  EXPECT_EQ(read("PT60S"), 60s);
  EXPECT_EQ(read("P1DT2H3M4.5S"), 26h + 3min + 4500ms);
  EXPECT_EQ(read("P1W"), 7 * 24h);
  EXPECT_EQ(read("pt5m"), 5min);
}

TEST(duration_text, what_is_finer_than_a_millisecond_is_rounded_up) {
  EXPECT_EQ(read("1us"), 1ms);
  EXPECT_EQ(read("1500us"), 2ms);
  EXPECT_EQ(read("0ns"), 0ms);
}

TEST(duration_text, refuses_what_has_no_fixed_length_order_or_sign) {
  for (const char* text : {"",
                           "5",
                           "s",
                           "1x",
                           "1y",
                           "P1M",
                           "1m1h",
                           "1s 1s",
                           "-5s",
                           "5s ago",
                           "PT",
                           "P",
                           "1.5d",
                           "1.5h 5s",
                           "5s5",
                           "5S",
                           "1:2:",
                           "99999999d",
                           "99999999999999999999999999s",
                           "P1",
                           "PT1H1D",
                           "P1H",
                           "1,,h"}) {
    EXPECT_TRUE(refused(text)) << text;
  }
}

TEST(duration_text, is_written_from_large_to_small) {
  EXPECT_EQ(duration_text(0ms), "0s");
  EXPECT_EQ(duration_text(24h), "1d");
  EXPECT_EQ(duration_text(36h), "1d 12h");
  EXPECT_EQ(duration_text(1500ms), "1s 500ms");
  EXPECT_EQ(duration_text(7 * 24h), "7d");
}

RC_GTEST_PROP(duration_text, what_is_written_is_read_again, ()) {
  const auto span =
      std::chrono::milliseconds(*rc::gen::inRange<std::int64_t>(0, duration_text_max.count()));
  RC_ASSERT(*duration_from_text(duration_text(span)) == span);
}

RC_GTEST_PROP(duration_text, survives_any_text, ()) {
  const auto parts = *rc::gen::container<std::vector<std::string>>(
      rc::gen::oneOf(rc::gen::element<std::string>("P", "T", "1", "99999999999", ".", ",", " ", ":",
                                                   "h", "m", "s", "d", "ago", "-", "\xC2\xB5s"),
                     rc::gen::arbitrary<std::string>()));
  std::string text;
  for (const std::string& part : parts) text += part;
  const auto parsed = duration_from_text(text);
  if (parsed) RC_ASSERT(*parsed >= 0ms && *parsed <= duration_text_max);
}

TEST(instant_text, is_rfc_3339) {
  const WallTime at{std::chrono::milliseconds(1'700'000'000'123)};
  EXPECT_EQ(instant_text(at, 9, "Z"), "2023-11-14T22:13:20.123000000Z");
  EXPECT_EQ(instant_text(at, 3, "+00:00"), "2023-11-14T22:13:20.123+00:00");
  EXPECT_EQ(instant_text(instant_text_max, 0, "Z"), "9999-12-31T23:59:59Z");
}

}  // namespace
}  // namespace perdure::wire
