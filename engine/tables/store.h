// engine/tables/store.h
//
// One partition's rows while commands are applied to them: written in memory, read
// through three layers, and laid down as whole checkpoints.
//
//        put, erase ->  active    rows since freeze()             (layer.h)
//                       frozen    rows on their way down, or none
//        pins: rows of the base somebody announced that he will read
//                       base      io::Family: the last completed checkpoint
//
//     what apply sees  =  active over frozen over base
//     after a crash    =  base; the log from its applied LSN on is replayed
//
// *The rule that surprises:* apply never parks (design, amendment 5), so it may read
// only what is in memory.  A command names its reads; ready() says whether they are
// there, and prepare() fetches and pins what is not, in some other fiber.  Reading a
// row that was not announced and that memory cannot answer fails a CHECK: on another
// replica it might have been in the cache.
//
//     if (!store.ready(reads)) TRY_VOID(store.prepare(reads, pins));  // pins: a window's
//     apply(record);                                                  // get, put, visit
//
// A checkpoint: the caller puts the applied LSN in a row, freeze() at the border of a
// record, write_frozen() in a fiber.  It is one sorted run, taken by the family whole
// or not at all, so a crash leaves the old checkpoint or the new one.  Pins and scans
// live through it: what the frozen layer answered until then is copied into the pins.
//
// Born with a family and empty of changes; dies after its pins and scans.  One shard's.
// Not here: what a row means (keys.h, rows.h), when to checkpoint (checkpoint.h),
// exports of checkpoints (snapshots.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/io/fibers.h"
#include "engine/io/tables.h"
#include "engine/tables/layer.h"
#include "engine/tables/pins.h"
#include "engine/tables/ranges.h"

namespace perdure::tables {

class Scan;

// What a command is going to read.  A range costs memory as long as it is pinned.
struct Reads {
  std::vector<std::string> keys;
  std::vector<KeyRange> ranges;
};

class Store {
 public:
  Store(io::Fibers& fibers, io::Family& family);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // --- apply: memory only, never parks -------------------------------------------

  // Null: there is no such row.  The value stays in place until its key is written,
  // its pins are released, or the caller parks.
  const std::string* get(std::string_view key);
  void put(std::string_view key, std::string value);
  // The row's value, to be changed in place; made empty where there is none.  Holds
  // until the next call of put, edit, erase, erase_range or freeze.
  std::string& edit(std::string_view key);
  void erase(std::string_view key);
  // Costs what the active layer holds of the range, however much lies below.
  void erase_range(std::string_view from, std::string_view to);
  // The rows of [from, to) in key order, until `see` returns false.  No writes meanwhile.
  using See = std::function<bool(std::string_view key, const std::string& value)>;
  void visit(std::string_view from, std::string_view to, const See& see);
  // For who looks on: what is written from now on is noted there; null: no longer.
  struct Written {
    std::set<std::string> keys;
    std::vector<KeyRange> erased;
  };
  void note_writes(Written* written) { written_ = written; }

  // --- before apply ----------------------------------------------------------------

  // True: apply may read all of these, if it does so before the caller parks.
  bool ready(const Reads& reads);
  // Parks.  After ok apply may read all of these until `pins` are released.  An error
  // is the family's; what was pinned before it stays pinned.
  Result<void> prepare(const Reads& reads, Pins& pins);

  // --- queries and leaders: as of now, parks -----------------------------------------

  Result<std::optional<std::string>> read(std::string_view key);
  // See scan.h.  Error: the family's; retry_later when checkpoints overtake it.
  Result<std::unique_ptr<Scan>> scan(std::string_view from, std::string_view to);
  // Over every row; the same for equal contents, however they came about.
  Result<std::uint64_t> digest();

  // --- checkpoint ------------------------------------------------------------------------

  bool frozen() const { return frozen_ != nullptr; }
  void freeze();  // only when not frozen()
  // Parks until the frozen layer is durable in the family, then lets it go.  After an
  // error it stays frozen, and the call may be repeated.  One at a time.
  Result<void> write_frozen();

  // Bytes in memory: of rows that changed since freeze(), and of all.
  std::size_t active_bytes() const;
  std::size_t bytes() const;
  bool dirty() const;  // is there anything for a checkpoint to write

  void check_invariants() const;

 private:
  friend class Pins;
  friend class Scan;

  enum class Below { present, absent, unknown };
  struct Base {
    Below state = Below::unknown;
    const std::string* value = nullptr;
  };
  Row* row_above_base(std::string_view key, bool& erased) const;
  Base pinned(std::string_view key) const;
  bool known_absent_below_active(std::string_view key) const;
  Row* remember(std::string_view key);  // from peek(); null: unknown
  Row& write(std::string_view key);     // the active row, about to change
  const Pins* pins_over(std::string_view from, std::string_view to) const;
  bool range_is_ready(const KeyRange& range) const;
  Result<void> fetch_keys(Pins& pins, std::vector<std::string> keys);
  Result<void> fetch_range(Pins& pins, const KeyRange& range);
  io::Run run_of_frozen();
  void let_frozen_go();
  void settle();  // counts what the last edit() grew
  void tell_scans(std::string_view key, const Row* row);
  void release(Scan& scan);

  io::Fibers& fibers_;
  io::Family& family_;
  std::unique_ptr<Layer> active_ = std::make_unique<Layer>();
  std::unique_ptr<Layer> frozen_;
  std::vector<std::unique_ptr<Layer>> retired_;  // written, but scans still read them
  std::vector<Pins*> pins_;
  std::vector<Scan*> scans_;
  std::uint64_t base_version_ = 0;  // checkpoints completed
  Written* written_ = nullptr;
  Row* edited_ = nullptr;
  std::size_t edited_bytes_ = 0;
  bool writing_ = false;
  bool visiting_ = false;
};

}  // namespace perdure::tables
