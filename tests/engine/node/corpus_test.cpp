// What any release has written down or sent, every later one reads, and reads as the same.
//
// corpus/release_1.txt has a value of each kind with every field in it, and one more for each
// alternative of a variant: bytes, and what they mean.  Lines are only ever added, by the release
// that adds a field or a kind: this test prints the ones that are missing.  (museum 67: a new
// field without a default, and the log of the release before could not be read.)
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "engine/control/failure_detector.h"
#include "engine/control/metadata_words.h"
#include "engine/control/plan.h"
#include "engine/log/messages.h"
#include "engine/node/cluster_view.h"
#include "engine/node/joining.h"
#include "engine/node/layout.h"
#include "engine/node/snapshot_fetch.h"
#include "engine/raft/message.h"
#include "engine/tables/rows.h"
#include "engine/tables/snapshots.h"
#include "engine/wire/command.h"
#include "engine/wire/schema.h"

namespace perdure {
namespace {

using wire::detail::is_number;
using wire::detail::is_optional;
using wire::detail::is_vector;

// Makes a value of which no field is left out.
class Filler {
 public:
  explicit Filler(std::size_t alternative) : alternative_(alternative) {}

  template <class T>
  T make(int depth = 0) {
    T value{};
    fill(value, depth);
    return value;
  }
  std::size_t most_alternatives() const { return most_; }

 private:
  template <class T>
  void fill(T& value, int depth) {
    if constexpr (std::is_same_v<T, bool>) {
      value = true;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(1);
    } else if constexpr (std::unsigned_integral<T>) {
      value = static_cast<T>(++next_ % 100 + 1);
    } else if constexpr (is_number<T>::value) {
      value = T(++next_);
    } else if constexpr (std::is_same_v<T, WallTime>) {
      value = WallTime(std::chrono::milliseconds(1'700'000'000'000 + ++next_));
    } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
      value = std::chrono::milliseconds(++next_);
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = "t" + std::to_string(++next_);
    } else if constexpr (is_optional<T>::value) {
      fill(value.emplace(), depth);
    } else if constexpr (is_vector<T>::value) {
      if (depth > depth_max) return;
      for (int i = 0; i < 2; ++i) {
        typename T::value_type item{};
        fill(item, depth + 1);
        value.push_back(std::move(item));
      }
    } else if constexpr (std::is_same_v<T, IntervalSet>) {
      for (const std::uint64_t n : {1, 2, 5}) value.insert(n);
    } else if constexpr (std::is_same_v<T, wire::InvocationId>) {
      value = {.partition_key = ++next_, .uuid = {.high = next_, .low = next_}};
    } else if constexpr (std::is_same_v<T, wire::DeploymentId>) {
      value = *T::from_bytes("0123456789abcdef");
    } else if constexpr (wire::Message<T>) {
      std::apply([&](const auto&... f) { (fill(value.*f.member, depth + 1), ...); }, T::fields);
    } else {
      fill_variant(value, depth);
    }
  }
  template <class... All>
  void fill_variant(std::variant<std::monostate, All...>& value, int depth) {
    most_ = std::max(most_, sizeof...(All));
    std::size_t number = 0;
    const auto take = [&]<class Each>(Each*) {
      if (number++ == alternative_ % sizeof...(All)) fill(value.template emplace<Each>(), depth);
    };
    (take(static_cast<All*>(nullptr)), ...);
  }

  static constexpr int depth_max = 6;
  const std::size_t alternative_;
  std::size_t most_ = 1;
  std::uint64_t next_ = 0;
};

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}
std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
    bytes += static_cast<char>(std::stoi(std::string(text.substr(at, 2)), nullptr, 16));
  }
  return bytes;
}

struct Written {
  std::string kind, bytes, meaning;
};
std::vector<Written> corpus() {
  std::ifstream file("tests/engine/node/corpus/release_1.txt");  // from the root of the tree
  std::vector<Written> all;
  for (Written next;
       file >> next.kind >> next.bytes && std::getline(file >> std::ws, next.meaning);) {
    next.bytes = from_hex(next.bytes);
    all.push_back(next);
  }
  return all;
}

template <class T>
void check(std::string_view kind, const std::vector<Written>& all, std::string& missing) {
  std::set<std::string> known;
  for (const Written& each : all) {
    if (each.kind != kind) continue;
    known.insert(each.bytes);
    const Result<T> read = wire::decode<T>(each.bytes);
    ASSERT_TRUE(read) << kind << ": " << read.error().detail;
    EXPECT_EQ(wire::show(*read), each.meaning) << kind;
    EXPECT_EQ(hex(wire::encode(*read)), hex(each.bytes)) << kind;
  }
  std::size_t alternatives = 1;
  for (std::size_t n = 0; n < alternatives; ++n) {
    Filler filler(n);
    const T value = filler.make<T>();
    alternatives = std::max(alternatives, filler.most_alternatives());
    const std::string bytes = wire::encode(value);
    if (!known.insert(bytes).second) continue;
    missing += fmt::format("{} {}\n  {}\n", kind, hex(bytes), wire::show(value));
  }
}

TEST(Corpus, WhatWasWrittenIsRead) {
  const std::vector<Written> all = corpus();
  std::string missing;
#define KIND(type) check<type>(#type, all, missing)
  KIND(wire::Record);
  KIND(wire::Stamp);
  KIND(wire::Invoke);
  KIND(wire::Pin);
  KIND(wire::Entry);
  KIND(wire::CompleteRun);
  KIND(wire::Suspend);
  KIND(wire::End);
  KIND(wire::Pause);
  KIND(wire::Fail);
  KIND(wire::Respond);
  KIND(wire::Signal);
  KIND(wire::Cancel);
  KIND(wire::Kill);
  KIND(wire::Resume);
  KIND(wire::Attach);
  KIND(wire::Purge);
  KIND(wire::PatchState);
  KIND(wire::Fire);
  KIND(wire::TruncateOutbox);
  KIND(wire::AnnounceLeader);
  KIND(wire::Schema);
  KIND(tables::PartitionRow);
  KIND(tables::InvocationRow);
  KIND(tables::EndedRow);
  KIND(tables::CompletedRow);
  KIND(tables::PromiseRow);
  KIND(tables::OutboxRow);
  KIND(tables::SnapshotManifest);
  KIND(log::Chain);
  KIND(log::StoreHead);
  KIND(log::Stored);
  KIND(log::SealAsk);
  KIND(log::TailAsk);
  KIND(log::TailReply);
  KIND(log::DigestAsk);
  KIND(log::DigestReply);
  KIND(log::RepairAsk);
  KIND(log::ReadAsk);
  KIND(log::ReadReply);
  KIND(log::TrimAsk);
  KIND(raft::Envelope);
  KIND(raft::Ballot);
  KIND(raft::Snapshot);
  KIND(control::Nodes);
  KIND(control::Plan);
  KIND(control::PartitionEpoch);
  KIND(control::Gossip);
  KIND(node::ClusterConfig);
  KIND(node::Layout);
  KIND(node::JoinAnswer);
  KIND(node::ShardView);
  KIND(node::ReplicaProgress);
#undef KIND
  EXPECT_EQ(missing, "") << "to be added to tests/engine/node/corpus/release_1.txt";
}

}  // namespace
}  // namespace perdure
