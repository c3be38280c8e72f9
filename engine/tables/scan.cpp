#include "engine/tables/scan.h"

#include <algorithm>
#include <array>

#include "engine/base/check.h"
#include "engine/tables/merge.h"
#include "engine/tables/store.h"

namespace perdure::tables {

// The active layer with the rows that changed since put back as they were.
class Scan::LiveSource : public Source {
 public:
  explicit LiveSource(const Scan& scan)
      : scan_(scan),
        walk_(scan.live_, scan.position_, scan.to_),
        saved_(scan.saved_.lower_bound(scan.position_)) {
    settle();
  }
  std::optional<Seen> now() const override {
    const Row* row = walk_.row();
    if (has_saved() && (!row || saved_->first < row->key())) {
      return Seen{saved_->first, saved_->second.value ? &*saved_->second.value : nullptr};
    }
    return walk_.now();
  }
  void advance() override {
    const Row* row = walk_.row();
    if (has_saved() && (!row || saved_->first < row->key())) {
      ++saved_;
    } else {
      walk_.advance();
    }
    settle();
  }
  bool erases(std::string_view key) const override { return scan_.live_erased_.contains(key); }

 private:
  bool has_saved() const { return saved_ != scan_.saved_.end() && saved_->first < scan_.to_; }
  // Passes what is not to be seen: rows that have a saved form, and saved forms that
  // say that the layer had no such row.
  void settle() {
    while (true) {
      const Row* row = walk_.row();
      if (row && has_saved() && row->key() == saved_->first) {
        walk_.advance();
      } else if (has_saved() && !saved_->second.in_layer && (!row || saved_->first < row->key())) {
        ++saved_;
      } else {
        return;
      }
    }
  }

  const Scan& scan_;
  LayerSource walk_;
  SavedRows::const_iterator saved_;
};

class Scan::BaseSource : public Source {
 public:
  explicit BaseSource(Scan& scan) : scan_(scan) {}
  std::optional<Seen> now() const override {
    if (scan_.base_next_ == scan_.base_.size()) return std::nullopt;
    const auto& [key, value] = scan_.base_[scan_.base_next_];
    return Seen{key, &value};
  }
  void advance() override { ++scan_.base_next_; }
  bool erases(std::string_view) const override { return false; }

 private:
  Scan& scan_;
};

Scan::Scan(Store& store, std::string_view from, std::string_view to)
    : store_(store), from_(from), to_(to), position_(from) {
  store_.scans_.push_back(this);
}

Scan::~Scan() { store_.release(*this); }

void Scan::hold_layers() {
  live_ = store_.active_.get();
  frozen_ = store_.frozen_.get();
  live_erased_ = live_->erased();
  saved_.clear();
  saved_bytes_ = 0;
}

// The layers are held before the base is asked, so the base may already contain what
// the frozen layer says, but never more: were a checkpoint completed meanwhile, it could.
Result<void> Scan::open() {
  for (int attempt = 0; attempt < 4; ++attempt) {
    const std::uint64_t version = store_.base_version_;
    hold_layers();
    TRY(cursor, store_.family_.scan(from_, to_));
    cursor_ = std::move(cursor);
    if (store_.base_version_ == version) return {};
  }
  return fail(Code::retry_later, "checkpoints overtake the scan");
}

void Scan::save(std::string_view key, const Row* row) {
  if (outrun_ || key < position_ || key >= to_) return;
  if (saved_.find(key) != saved_.end()) return;
  Saved saved{.in_layer = row != nullptr, .value = std::nullopt};
  if (row && row->present) saved.value = row->value;
  saved_bytes_ += key.size() + (saved.value ? saved.value->size() : 0) + 128;
  saved_.emplace(std::string(key), std::move(saved));
  if (saved_bytes_ > saved_bytes_max) {
    outrun_ = true;
    saved_.clear();
  }
}

Result<void> Scan::fill_base(std::size_t bytes_max) {
  if (base_ended_ || base_next_ < base_.size()) return {};
  TRY(batch, cursor_->next(bytes_max));
  base_ = std::move(batch);
  base_next_ = 0;
  base_ended_ = base_.empty();
  return {};
}

// As far as the batch of the base goes, or to the end when that was the last.
void Scan::merge_into(Rows& rows, std::size_t bytes_max) {
  LiveSource live(*this);
  LayerSource frozen(frozen_, position_, to_);
  BaseSource base(*this);
  const std::array<Source*, 3> sources{&live, &frozen, &base};
  std::size_t bytes = 0;
  std::optional<std::string> last;
  while (bytes < bytes_max && (base_ended_ || base_next_ < base_.size())) {
    const std::optional<Seen> seen = next_of(sources);
    if (!seen) break;
    last = seen->key;
    if (!seen->value) continue;
    bytes += seen->key.size() + seen->value->size();
    rows.emplace_back(*last, *seen->value);
  }
  if (!last) return;
  position_ = *last + '\0';  // the first key behind it
  saved_.erase(saved_.begin(), saved_.lower_bound(position_));
}

Result<Scan::Rows> Scan::next(std::size_t bytes_max) {
  Rows rows;
  while (rows.empty()) {
    TRY_VOID(fill_base(bytes_max));
    if (outrun_) return fail(Code::retry_later, "the scan was outrun by changes");
    const bool last = base_ended_;
    merge_into(rows, bytes_max);
    if (last) break;
  }
  return rows;
}

}  // namespace perdure::tables
