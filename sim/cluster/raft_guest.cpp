#include "sim/cluster/raft_guest.h"

#include <memory>
#include <optional>

#include "engine/io/fibers.h"
#include "engine/io/trace.h"
#include "engine/node/group_members.h"
#include "engine/node/rpc.h"
#include "engine/wal/wal.h"
#include "sim/cluster/close_trace.h"
#include "sim/world/universe.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;

// Hears of a WAL that has failed for good.
class Failure final : public wal::Listener {
 public:
  explicit Failure(io::Fibers& fibers) : heard_(fibers) {}
  void durable(LogletId, Offset) override {}
  void failed(const Error& why) override {
    why_ = why;
    heard_.notify_all();
  }
  Error wait() {
    while (!why_) {
      if (const Result<void> waited = heard_.wait(); !waited) return waited.error();
    }
    return *why_;
  }

 private:
  std::optional<Error> why_;
  io::Event heard_;
};

class RaftGuest final : public Guest {
 public:
  RaftGuest(Universe& universe, Host& host, RaftGroup& group, RaftGuestOptions options,
            const io::World& world)
      : host_(host),
        options_(std::move(options)),
        world_(world),
        trace_(universe, host, group, world.trace),
        rpc_(world_),
        members_(rpc_),
        failure_(world_.fibers) {}

  void run(std::uint32_t) override {
    const Result<void> opened = open();
    const Error why = opened ? failure_.wait() : opened.error();
    world_.trace.event(io::Level::warn, "process.exits", {{"why", why.detail}});
    host_.exit_with_turn(nanos(milliseconds(200)));
  }

 private:
  Result<void> open() {
    TRY(wal, wal::Wal::open(world_.disk, world_.fibers, world_.trace,
                            {.folder = "wal/0",
                             .stream_id = 0x5EED'0000 + host_.number(),
                             .segment_bytes = options_.segment_bytes,
                             .first_segment_bytes = options_.segment_bytes}));
    wal_ = std::move(wal);
    wal_->listen(LogletId(1), failure_);
    TRY(store, control::RaftMetadata::open({.fibers = world_.fibers,
                                            .random = world_.random,
                                            .trace = trace_,
                                            .wal = *wal_,
                                            .members = members_},
                                           options_.metadata));
    store_ = std::move(store);
    node::serve_group(rpc_, *store_);
    return {};
  }

  Host& host_;
  const RaftGuestOptions options_;
  io::World world_;
  CloseTrace trace_;
  node::Rpc rpc_;
  node::GroupMembers members_;
  Failure failure_;
  std::unique_ptr<wal::Wal> wal_;
  std::unique_ptr<control::RaftMetadata> store_;
};

}  // namespace

Factory raft_guest(Universe& universe, Host& host, RaftGroup& group,
                   const RaftGuestOptions& options) {
  return [&universe, &host, &group, options](std::span<const io::World> worlds) {
    return std::make_unique<RaftGuest>(universe, host, group, options, worlds[0]);
  };
}

}  // namespace perdure::sim
