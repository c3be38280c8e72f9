#include "sim/check/linearizable.h"

#include <gtest/gtest.h>

namespace perdure::sim {
namespace {

// A register of text: who writes `value`, or reads it.
struct Call {
  CallSpan span;
  bool writes;
  std::string value;
};
Call write(Nanos begin, std::optional<Nanos> end, std::string value) {
  return {.span = {.begin = begin, .end = end}, .writes = true, .value = std::move(value)};
}
Call read(Nanos begin, Nanos end, std::string value) {
  return {.span = {.begin = begin, .end = end}, .writes = false, .value = std::move(value)};
}

LinearityResult judge(const std::vector<Call>& calls, std::uint64_t steps_max = 1000) {
  std::vector<CallSpan> spans;
  for (const Call& call : calls) spans.push_back(call.span);
  return linearizable(
      spans, "",
      [&calls](const std::string& state, std::size_t n) -> std::optional<std::string> {
        if (calls[n].writes) return calls[n].value;
        return calls[n].value == state ? std::optional(state) : std::nullopt;
      },
      steps_max);
}
Linearity verdict(const std::vector<Call>& calls) { return judge(calls).verdict; }

TEST(linearizable, one_after_the_other) {
  EXPECT_EQ(verdict({}), Linearity::yes);
  EXPECT_EQ(verdict({write(0, 1, "a"), read(2, 3, "a")}), Linearity::yes);
  EXPECT_EQ(verdict({write(0, 1, "a"), write(2, 3, "b"), read(4, 5, "b")}), Linearity::yes);
}

TEST(linearizable, a_stale_read_fits_nowhere) {
  EXPECT_EQ(verdict({write(0, 1, "a"), write(2, 3, "b"), read(4, 5, "a")}), Linearity::no);
}

TEST(linearizable, what_overlaps_may_stand_in_any_order) {
  EXPECT_EQ(verdict({write(0, 10, "a"), read(1, 2, ""), read(3, 4, "a")}), Linearity::yes);
  EXPECT_EQ(verdict({write(0, 10, "a"), read(1, 2, "a"), read(3, 4, "")}), Linearity::no);
  EXPECT_EQ(verdict({write(0, 10, "a"), write(0, 10, "b"), read(11, 12, "a")}), Linearity::yes);
}

TEST(linearizable, what_is_in_doubt_happened_or_never_will) {
  EXPECT_EQ(verdict({write(0, std::nullopt, "a"), read(5, 6, "a")}), Linearity::yes);
  EXPECT_EQ(verdict({write(0, std::nullopt, "a"), read(5, 6, "")}), Linearity::yes);
  EXPECT_EQ(verdict({write(0, std::nullopt, "a"), read(5, 6, ""), read(7, 8, "a")}),
            Linearity::yes);
  EXPECT_EQ(verdict({write(0, std::nullopt, "a"), read(5, 6, "a"), read(7, 8, "")}), Linearity::no);
  // Not before it began.
  EXPECT_EQ(verdict({read(0, 1, "a"), write(2, std::nullopt, "a")}), Linearity::no);
}

TEST(linearizable, without_budget_there_is_no_verdict) {
  const std::vector<Call> calls = {write(0, 1, "a"), read(2, 3, "a"), read(4, 5, "a")};
  EXPECT_EQ(judge(calls, 1).verdict, Linearity::unknown);
  EXPECT_EQ(judge(calls, 10).verdict, Linearity::yes);
  EXPECT_EQ(judge(calls, 10).order, (std::vector<std::size_t>{0, 1, 2}));
}

}  // namespace
}  // namespace perdure::sim
