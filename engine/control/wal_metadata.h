// engine/control/wal_metadata.h
//
// The metadata of a cluster of one: metadata_state.h, written through the node's WAL as a
// loglet of its own, frames of kind metadata.  Lives on shard 0.
//
//     compare_and_set ─► check ─► append ─► durable ─► apply ─► whoever waits
//
// One entry is in flight at a time; the next is checked when it has been applied, so a
// decision never rests on what may yet be lost.  What is appended is applied when it
// becomes durable, also when nobody waits for it any more.
//
// When the entries since the last snapshot outweigh the state, a snapshot is appended and
// what stands before it is trimmed.  A crash at any point leaves entries that give the
// same state, with or without the snapshot.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/control/metadata.h"
#include "engine/control/metadata_state.h"
#include "engine/io/fibers.h"
#include "engine/wal/wal.h"

namespace perdure::control {

class WalMetadata final : public Metadata, private wal::Listener {
 public:
  struct Options {
    LogletId loglet = LogletId(UINT64_MAX);  // no partition's log has it
    MetadataLimits limits;
    std::size_t snapshot_after_bytes = 1 << 20;  // of entries, at least
  };

  // Parks: reads what is there.  Errors: corrupt, failed, cancelled.  Fibers and Wal are
  // borrowed and outlive it.
  static Result<std::unique_ptr<WalMetadata>> open(io::Fibers&, wal::Wal&, Options);
  ~WalMetadata() override;

  Result<Versioned> get(std::string_view key, Instant deadline) override;
  Result<void> compare_and_set(Proposal, Instant deadline) override;
  Result<Versioned> wait_newer(std::string_view key, std::uint64_t seen, Instant deadline) override;

  const MetadataState& state() const { return state_; }

 private:
  struct InFlight {
    Offset offset;
    std::string entry;
    bool is_snapshot = false;
  };

  WalMetadata(io::Fibers& fibers, wal::Wal& wal, Options options)
      : wal_(wal), options_(std::move(options)), changed_(fibers) {}
  Result<void> recover();
  Result<Offset> append(std::string entry, bool is_snapshot);
  void snapshot_if_due();
  void durable(LogletId, Offset last) override;
  void failed(const Error& why) override;

  wal::Wal& wal_;
  const Options options_;
  io::Event changed_;
  MetadataState state_;
  Offset applied_;  // the last entry in state_
  std::optional<InFlight> in_flight_;
  std::optional<Error> failure_;
  std::size_t bytes_since_snapshot_ = 0;
};

}  // namespace perdure::control
