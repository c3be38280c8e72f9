// engine/node/watched.h
//
// One object of the metadata store as this shard last saw it, for all its rooms.  A fiber
// follows the store; what was seen is never taken back, and may be old.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "engine/control/metadata.h"
#include "engine/io/clock.h"
#include "engine/io/fibers.h"
#include "engine/io/trace.h"
#include "engine/io/world.h"
#include "engine/wire/codec.h"

namespace perdure::node {

template <class T>
class Watched {
 public:
  // `seen` is called in the turn in which a newer one is there; it may not park.
  Watched(io::World& world, control::Metadata& metadata, std::string_view key,
          std::function<void()> seen)
      : world_(world),
        metadata_(metadata),
        key_(key),
        seen_(std::move(seen)),
        grew_(world.fibers),
        following_(world.fibers) {}

  // Parks: reads what there is, then follows.  Errors: the store's; corrupt.
  Result<void> open(Instant deadline) {
    TRY(found, metadata_.get(key_, deadline));
    TRY_VOID(take(found));
    following_.start("node.watch", [this] { follow(); });
    return {};
  }
  void stop() { following_.stop(); }  // parks

  const T& now() const { return value_; }
  std::uint64_t version() const { return version_; }  // 0: nobody ever wrote it
  // Parks until one of that version or a later one is seen.
  Result<void> reached(std::uint64_t version, Instant deadline) {
    while (version_ < version) TRY_VOID(grew_.wait(deadline));
    return {};
  }

 private:
  static constexpr Duration patience = std::chrono::minutes(10);  // of one question
  static constexpr Duration pause = std::chrono::milliseconds(100);

  void follow() {
    for (;;) {
      const Result<control::Versioned> newer =
          metadata_.wait_newer(key_, version_, world_.clock.steady() + patience);
      if (newer) {
        if (const Result<void> taken = take(*newer); !taken) {
          world_.trace.event(io::Level::error, "node.object.unreadable",
                             {{"key", key_}, {"why", taken.error().detail}});
          return;
        }
      } else if (newer.error().code == Code::cancelled) {
        return;
      } else if (newer.error().code != Code::timed_out &&
                 !world_.fibers.sleep_until(world_.clock.steady() + pause)) {
        return;
      }
    }
  }

  Result<void> take(const control::Versioned& found) {
    if (found.version <= version_) return {};
    TRY(value, wire::decode<T>(found.value));
    value_ = std::move(value);
    version_ = found.version;
    world_.trace.event(io::Level::debug, "node.object.seen",
                       {{"key", key_}, {"version", version_}});
    grew_.notify_all();
    if (seen_) seen_();
    return {};
  }

  io::World& world_;
  control::Metadata& metadata_;
  const std::string key_;
  const std::function<void()> seen_;
  T value_;
  std::uint64_t version_ = 0;
  io::Event grew_;
  io::Group following_;
};

}  // namespace perdure::node
