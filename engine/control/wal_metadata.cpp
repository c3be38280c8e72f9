#include "engine/control/wal_metadata.h"

#include <algorithm>

namespace perdure::control {

Result<std::unique_ptr<WalMetadata>> WalMetadata::open(io::Fibers& fibers, wal::Wal& wal,
                                                       Options options) {
  std::unique_ptr<WalMetadata> opened(new WalMetadata(fibers, wal, std::move(options)));
  TRY_VOID(opened->recover());
  wal.listen(opened->options_.loglet, *opened);
  return opened;
}

WalMetadata::~WalMetadata() { wal_.unlisten(options_.loglet); }

Result<void> WalMetadata::recover() {
  const auto found = wal_.find(options_.loglet);
  if (!found) return {};
  constexpr std::size_t bytes_at_once = 1 << 20;
  applied_ = found->trim_point;
  while (applied_ < found->last) {
    TRY(records, wal_.read(options_.loglet, applied_.next(), found->last, bytes_at_once));
    if (records.empty()) return fail(Code::corrupt, "the metadata has a hole");
    for (const wal::Record& record : records) {
      if (record.offset != applied_.next()) return fail(Code::corrupt, "the metadata has a hole");
      TRY_VOID(state_.apply(record.bytes));
      applied_ = record.offset;
      bytes_since_snapshot_ += record.bytes.size();
    }
  }
  return {};
}

Result<Versioned> WalMetadata::get(std::string_view key, Instant) { return state_.get(key); }

Result<Versioned> WalMetadata::wait_newer(std::string_view key, std::uint64_t seen,
                                          Instant deadline) {
  for (;;) {
    Versioned now = state_.get(key);
    if (now.version > seen) return now;
    if (failure_) return std::unexpected(*failure_);
    TRY_VOID(changed_.wait(deadline));
  }
}

Result<void> WalMetadata::compare_and_set(Proposal proposal, Instant deadline) {
  while (in_flight_) {
    if (failure_) return std::unexpected(*failure_);
    TRY_VOID(changed_.wait(deadline));
  }
  if (failure_) return std::unexpected(*failure_);
  TRY(verdict, state_.check(proposal, options_.limits));
  if (verdict == MetadataState::Verdict::happened) return {};
  TRY(offset, append(MetadataState::entry_of(proposal), false));
  while (applied_ < offset) {
    if (failure_) return std::unexpected(*failure_);
    TRY_VOID(changed_.wait(deadline));
  }
  return {};
}

Result<Offset> WalMetadata::append(std::string entry, bool is_snapshot) {
  CHECK(!in_flight_);
  const Offset offset = applied_.next();
  TRY_VOID(wal_.append({.loglet = options_.loglet,
                        .offset = offset,
                        .bytes = entry,
                        .admission = wal::Admission::reserved,
                        .kind = wal::Kind::metadata}));
  in_flight_ = InFlight{.offset = offset, .entry = std::move(entry), .is_snapshot = is_snapshot};
  return offset;
}

// Failing to is no error: the next change tries again.
void WalMetadata::snapshot_if_due() {
  if (bytes_since_snapshot_ < std::max(options_.snapshot_after_bytes, 2 * state_.bytes())) return;
  if (append(state_.snapshot(), true)) bytes_since_snapshot_ = 0;
}

void WalMetadata::durable(LogletId, Offset last) {
  if (!in_flight_ || in_flight_->offset > last) return;
  const InFlight done = std::move(*in_flight_);
  in_flight_.reset();
  applied_ = done.offset;
  if (done.is_snapshot) {
    if (done.offset > Offset(1)) (void)wal_.trim(options_.loglet, done.offset.prev());
  } else {
    const Result<void> applied = state_.apply(done.entry);
    CHECK(applied);  // it was checked against this very state
    bytes_since_snapshot_ += done.entry.size();
    snapshot_if_due();
  }
  changed_.notify_all();
}

void WalMetadata::failed(const Error& why) {
  failure_ = why;
  changed_.notify_all();
}

}  // namespace perdure::control
