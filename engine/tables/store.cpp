#include "engine/tables/store.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "engine/tables/merge.h"
#include "engine/tables/scan.h"

namespace perdure::tables {

namespace {

constexpr std::size_t piece_bytes = 256 << 10;  // of a fetched range or a digest
constexpr std::size_t rows_per_turn = 4096;     // then others may run

}  // namespace

Store::Store(io::Fibers& fibers, io::Family& family) : fibers_(fibers), family_(family) {}

Store::~Store() {
  CHECK(pins_.empty());
  CHECK(scans_.empty());
}

// --- what is known of a key ------------------------------------------------------------

// Its row in the upper layer that has one; else `erased` says that a layer's range does.
Row* Store::row_above_base(std::string_view key, bool& erased) const {
  erased = false;
  for (const Layer* layer : {active_.get(), frozen_.get()}) {
    if (!layer) continue;
    if (Row* row = layer->find(key)) return row;
    if (layer->erased().contains(key)) {
      erased = true;
      return nullptr;
    }
  }
  return nullptr;
}

Store::Base Store::pinned(std::string_view key) const {
  for (const Pins* pins : pins_) {
    const auto row = pins->rows_.find(key);
    if (row != pins->rows_.end() && row->second.known) {
      if (!row->second.value) return {.state = Below::absent};
      return {.state = Below::present, .value = &*row->second.value};
    }
    if (row == pins->rows_.end() && pins->covered_.contains(key)) return {.state = Below::absent};
  }
  return {};
}

bool Store::known_absent_below_active(std::string_view key) const {
  if (active_->erased().contains(key)) return true;
  if (frozen_) {
    if (const Row* row = frozen_->find(key)) return !row->present;
    if (frozen_->erased().contains(key)) return true;
  }
  return pinned(key).state == Below::absent;
}

// What the family's caches say of a key that nothing above them knows, kept as a clean
// row, so that it is asked once and cannot be forgotten before apply reads it.
Row* Store::remember(std::string_view key) {
  std::string value;
  const io::Peek peek = family_.peek(key, value);
  if (peek == io::Peek::unknown) return nullptr;
  Row& row = active_->find_or_make(key).row;
  row.present = peek == io::Peek::value;
  row.absent_below = !row.present;
  active_->grew(0, value.size());
  row.value = std::move(value);
  return &row;
}

// --- apply -----------------------------------------------------------------------------

const std::string* Store::get(std::string_view key) {
  bool erased = false;
  const Row* row = row_above_base(key, erased);
  if (erased) return nullptr;
  if (!row) {
    const Base base = pinned(key);
    if (base.state != Below::unknown) return base.value;
    row = remember(key);
    const bool the_read_was_announced = row != nullptr;
    CHECK(the_read_was_announced);
  }
  return row->present ? &row->value : nullptr;
}

// The active layer's row of a key that is about to change.
Row& Store::write(std::string_view key) {
  CHECK(!visiting_);
  CHECK(key < key_end);
  settle();
  if (written_) written_->keys.emplace(key);
  const auto [row, made] = active_->find_or_make(key);
  if (made) row.absent_below = known_absent_below_active(key);
  tell_scans(key, made ? nullptr : &row);
  return row;
}

void Store::put(std::string_view key, std::string value) {
  Row& row = write(key);
  active_->grew(row.value.size(), value.size());
  row.value = std::move(value);
  row.present = true;
  row.dirty = true;
}

std::string& Store::edit(std::string_view key) {
  Row* row = active_->find(key);
  if (!row) {
    const std::string* below = get(key);
    row = active_->find(key);  // get() may have remembered it
    if (!row && below) {
      std::string value = *below;
      put(key, std::move(value));
    }
  }
  Row& mine = write(key);
  mine.present = true;
  mine.dirty = true;
  edited_ = &mine;
  edited_bytes_ = mine.value.size();
  return mine.value;
}

void Store::erase(std::string_view key) {
  if (!active_->find(key) && known_absent_below_active(key)) return;
  Row& row = write(key);
  active_->grew(row.value.size(), 0);
  std::string().swap(row.value);  // clear() would keep the memory
  row.present = false;
  row.dirty = !row.absent_below;
}

void Store::erase_range(std::string_view from, std::string_view to) {
  CHECK(!visiting_);
  CHECK(to <= key_end);
  settle();
  if (written_) written_->erased.push_back({std::string(from), std::string(to)});
  if (!scans_.empty()) {
    LayerSource rows(active_.get(), from, to);
    for (; rows.row(); rows.advance()) tell_scans(rows.row()->key(), rows.row());
  }
  active_->erase_range(from, to);
}

void Store::settle() {
  if (!edited_) return;
  active_->grew(edited_bytes_, edited_->value.size());
  edited_ = nullptr;
}

const Pins* Store::pins_over(std::string_view from, std::string_view to) const {
  const auto found = std::ranges::find_if(
      pins_, [&](const Pins* pins) { return pins->covered_.covers(from, to); });
  return found == pins_.end() ? nullptr : *found;
}

bool Store::range_is_ready(const KeyRange& range) const {
  return active_->erased().covers(range.from, range.to) ||
         (frozen_ && frozen_->erased().covers(range.from, range.to)) ||
         pins_over(range.from, range.to);
}

void Store::visit(std::string_view from, std::string_view to, const See& see) {
  if (from >= to) return;
  const bool the_range_was_announced = range_is_ready({std::string(from), std::string(to)});
  CHECK(the_range_was_announced);
  CHECK(!visiting_);
  visiting_ = true;
  LayerSource active(active_.get(), from, to), frozen(frozen_.get(), from, to);
  PinsSource base(pins_over(from, to), from, to);
  const std::array<Source*, 3> sources{&active, &frozen, &base};
  while (const std::optional<Seen> seen = next_of(sources)) {
    if (seen->value && !see(seen->key, *seen->value)) break;
  }
  visiting_ = false;
}

// --- before apply --------------------------------------------------------------------

bool Store::ready(const Reads& reads) {
  for (const std::string& key : reads.keys) {
    bool erased = false;
    if (row_above_base(key, erased) || erased) continue;
    if (pinned(key).state == Below::unknown && !remember(key)) return false;
  }
  return std::ranges::all_of(reads.ranges,
                             [&](const KeyRange& range) { return range_is_ready(range); });
}

// A key that a layer answers is pinned without content: the pins learn it when that
// layer goes down.
Result<void> Store::prepare(const Reads& reads, Pins& pins) {
  CHECK(&pins.store_ == this);
  std::vector<std::string> missing;
  for (const std::string& key : reads.keys) {
    if (pins.covered_.contains(key)) continue;
    const auto [row, made] = pins.rows_.try_emplace(key);
    if (!made && row->second.known) continue;
    bool erased = false;
    if (row_above_base(key, erased) || erased) continue;
    if (const Base base = pinned(key); base.state != Below::unknown) {
      row->second.known = true;
      if (base.value) row->second.value = *base.value;
    } else {
      missing.push_back(key);
    }
  }
  if (!missing.empty()) TRY_VOID(fetch_keys(pins, std::move(missing)));
  for (const KeyRange& range : reads.ranges) TRY_VOID(fetch_range(pins, range));
  return {};
}

// What the pins learned of a key while it was being fetched is newer.
Result<void> Store::fetch_keys(Pins& pins, std::vector<std::string> keys) {
  TRY(values, family_.get_all(keys));
  CHECK(values.size() == keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto row = pins.rows_.find(keys[i]);
    if (row == pins.rows_.end() || row->second.known) continue;
    row->second = {.known = true, .value = std::move(values[i])};
  }
  return {};
}

Result<void> Store::fetch_range(Pins& pins, const KeyRange& range) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    if (pins.covered_.covers(range.from, range.to)) return {};
    const std::uint64_t version = base_version_;
    TRY(cursor, family_.scan(range.from, range.to));
    std::vector<std::pair<std::string, std::string>> rows;
    while (true) {
      TRY(piece, cursor->next(piece_bytes));
      if (piece.empty()) break;
      std::ranges::move(piece, std::back_inserter(rows));
    }
    if (base_version_ == version) pins.cover(range, std::move(rows));
  }
  if (pins.covered_.covers(range.from, range.to)) return {};
  return fail(Code::retry_later, "checkpoints overtake the prefetch");
}

// --- queries ---------------------------------------------------------------------------

Result<std::optional<std::string>> Store::read(std::string_view key) {
  bool erased = false;
  const Row* row = row_above_base(key, erased);
  if (erased) return std::nullopt;
  if (row) return row->present ? std::optional(row->value) : std::nullopt;
  const Base base = pinned(key);
  if (base.state == Below::absent) return std::nullopt;
  if (base.state == Below::present) return *base.value;
  return family_.get(key);
}

Result<std::unique_ptr<Scan>> Store::scan(std::string_view from, std::string_view to) {
  settle();
  std::unique_ptr<Scan> scan(new Scan(*this, from, to));
  TRY_VOID(scan->open());
  return scan;
}

Result<std::uint64_t> Store::digest() {
  TRY(rows, scan("", key_end));
  std::uint64_t digest = 0;
  while (true) {
    TRY(piece, rows->next(piece_bytes));
    if (piece.empty()) return digest;
    for (const auto& [key, value] : piece) digest = hash64(value, hash64(key, digest));
  }
}

void Store::tell_scans(std::string_view key, const Row* row) {
  for (Scan* scan : scans_) {
    if (scan->live_ == active_.get()) scan->save(key, row);
  }
}

void Store::release(Scan& scan) {
  std::erase(scans_, &scan);
  std::erase_if(retired_, [&](const std::unique_ptr<Layer>& layer) {
    return std::ranges::none_of(scans_, [&](const Scan* other) {
      return other->live_ == layer.get() || other->frozen_ == layer.get();
    });
  });
}

// --- checkpoint --------------------------------------------------------------------------

void Store::freeze() {
  CHECK(!frozen_);
  CHECK(!visiting_);
  settle();
  frozen_ = std::move(active_);
  active_ = std::make_unique<Layer>();
}

Result<void> Store::write_frozen() {
  CHECK(frozen_);
  CHECK(!writing_);
  writing_ = true;
  io::Run run = run_of_frozen();
  Result<void> written;
  if (!run.changes.empty() || !run.erase_ranges.empty()) written = family_.ingest(std::move(run));
  writing_ = false;
  if (!written) return written;
  let_frozen_go();
  return {};
}

// Views of the frozen layer, which nobody changes.
io::Run Store::run_of_frozen() {
  io::Run run;
  for (const auto& [from, to] : frozen_->erased().ranges()) run.erase_ranges.push_back({from, to});
  run.changes.reserve(frozen_->rows());
  std::size_t seen = 0;
  for (auto place = frozen_->seek(""); const Row* row = frozen_->at(place);
       place = frozen_->after(place)) {
    if (++seen % rows_per_turn == 0) fibers_.yield();
    if (!row->dirty) continue;
    run.changes.push_back({.key = row->key(), .value = std::nullopt});
    if (row->present) run.changes.back().value = row->value;
  }
  return run;
}

void Store::let_frozen_go() {
  for (Pins* pins : pins_) pins->learn(*frozen_);
  ++base_version_;
  std::unique_ptr<Layer> gone = std::move(frozen_);
  const bool held = std::ranges::any_of(scans_, [&](const Scan* scan) {
    return scan->live_ == gone.get() || scan->frozen_ == gone.get();
  });
  if (held) {
    retired_.push_back(std::move(gone));
    return;
  }
  while (gone->remove_some(rows_per_turn)) fibers_.yield();
}

std::size_t Store::active_bytes() const {
  const std::size_t grown = edited_ ? edited_->value.size() - edited_bytes_ : 0;
  return active_->bytes() + grown;
}

std::size_t Store::bytes() const {
  std::size_t bytes = active_bytes() + (frozen_ ? frozen_->bytes() : 0);
  for (const auto& layer : retired_) bytes += layer->bytes();
  return bytes;
}

bool Store::dirty() const {
  if (!active_->erased().empty()) return true;
  LayerSource rows(active_.get(), "", key_end);
  for (; rows.row(); rows.advance()) {
    if (rows.row()->dirty) return true;
  }
  return false;
}

void Store::check_invariants() const {
  if (!edited_) active_->check_invariants();
  if (frozen_) frozen_->check_invariants();
  for (const auto& layer : retired_) layer->check_invariants();
  IMPLIES(writing_, frozen_ != nullptr);
}

}  // namespace perdure::tables
