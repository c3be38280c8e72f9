#include "engine/wire/ids.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace perdure::wire {
namespace {

// The original hashes the key and one 0xFF byte with XXH3-64 (compat/ingress, section 7).
TEST(Ids, PartitionKeyOfAWorkflowKeyIsTheOriginals) {
  EXPECT_EQ(keyed_partition_key("w1"), 0x5164c775648d211bu);
}

TEST(Ids, TextFormsHaveTheirWidths) {
  const InvocationId id{.partition_key = 1, .uuid = {.high = 2, .low = 3}};
  EXPECT_EQ(id.text().size(), 38u);
  EXPECT_EQ(DeploymentId().text(), "dp_1" + std::string(22, '0'));
  EXPECT_EQ((AwakeableId{.invocation = id, .signal = 17}.text().size()), 6u + 38u);
  EXPECT_TRUE((AwakeableId{.invocation = id, .signal = 17}.text().ends_with("AAAAEQ")));
}

// Digits are of the little-endian number: big-endian 1 is 2^56 as digits.
TEST(Ids, DigitsReadTheBytesBackwards) {
  EXPECT_EQ(base62(std::uint64_t{1} << 56), "00000000001");
  EXPECT_EQ(base62(0), "00000000000");
}

TEST(Ids, EveryIdReadsBack) {
  EXPECT_TRUE(
      rc::check([](std::uint64_t key, std::uint64_t high, std::uint64_t low, std::uint32_t signal) {
        const InvocationId id{.partition_key = key, .uuid = {.high = high, .low = low}};
        RC_ASSERT(*InvocationId::from_text(id.text()) == id);
        RC_ASSERT(*InvocationId::from_bytes(id.bytes()) == id);
        const AwakeableId awakeable{.invocation = id, .signal = signal};
        RC_ASSERT(*AwakeableId::from_text(awakeable.text()) == awakeable);
        const DeploymentId deployment{{.high = high, .low = low}};
        RC_ASSERT(*DeploymentId::from_text(deployment.text()) == deployment);
      }));
}

// The Java SDK writes the padding, the others do not; 1.7.12 takes all three.
TEST(Ids, AnAwakeableIdMayHaveItsPadding) {
  const AwakeableId id{.invocation = {.partition_key = 1, .uuid = {.high = 2, .low = 3}},
                       .signal = 17};
  EXPECT_EQ(AwakeableId::from_text(id.text() + "=").value(), id);
  EXPECT_EQ(AwakeableId::from_text(id.text() + "==").value(), id);
  EXPECT_FALSE(AwakeableId::from_text(id.text() + "==="));
  EXPECT_FALSE(AwakeableId::from_text(id.text() + "=A"));
  EXPECT_FALSE(AwakeableId::from_text(id.text().substr(0, 43) + "R"));  // ends in …0001, not …0000
}

TEST(Ids, WrongTextSaysWhatIsWrong) {
  EXPECT_EQ(InvocationId::from_text("xyz").error().detail, "expected 'inv_1' in front");
  EXPECT_EQ(InvocationId::from_text("inv_1abc").error().detail,
            "expected 33 characters after 'inv_1', got 3");
  EXPECT_EQ(InvocationId::from_text("inv_1" + std::string(33, 'Z')).error().detail,
            "number is too large");
  EXPECT_EQ(InvocationId::from_text("inv_1" + std::string(32, '0') + "-").error().detail,
            "'-' is not a base-62 digit");
  EXPECT_FALSE(AwakeableId::from_text("sign_1AAAA"));
}

TEST(Ids, PartitionsTileTheWholeSpace) {
  for (const std::uint64_t n : {1u, 2u, 3u, 24u, 1000u}) {
    EXPECT_EQ(partition_start(PartitionId(0), n), 0u);
    for (std::uint64_t i = 0; i < n; ++i) {
      const std::uint64_t start = partition_start(PartitionId(i), n);
      EXPECT_EQ(partition_of(start, n), PartitionId(i));
      if (i > 0) {
        EXPECT_EQ(partition_of(start - 1, n), PartitionId(i - 1));
      }
    }
    EXPECT_EQ(partition_of(UINT64_MAX, n), PartitionId(n - 1));
  }
}

TEST(Ids, UlidsOrderByTime) {
  const auto at = [](int ms) { return WallTime(std::chrono::milliseconds(ms)); };
  EXPECT_LT(ulid(at(1), 7, 7), ulid(at(2), 0, 0));
  EXPECT_EQ(ulid_text(ulid(at(0), 0, 0)), std::string(26, '0'));
}

}  // namespace
}  // namespace perdure::wire
