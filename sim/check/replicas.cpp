#include "sim/check/replicas.h"

#include <fmt/format.h>

#include <vector>

#include "engine/base/bytes.h"
#include "engine/io/fibers.h"
#include "engine/io/tables.h"
#include "engine/tables/store.h"
#include "sim/check/durable_records.h"
#include "sim/world/universe.h"

namespace perdure::sim {

namespace {

std::uint64_t digest_of(std::string_view key, std::string_view value) {
  return hash64(value, hash64(key, 1));
}

// The shadow's store is never asked to park.
class NoFibers final : public io::Fibers {
 public:
  void start(io::Group&, std::string_view, std::move_only_function<void()>, io::Stack) override {
    UNREACHABLE();
  }
  io::FiberId self() const override { return {}; }
  io::Woken park(Instant, io::Heed) override { UNREACHABLE(); }
  void wake(io::FiberId) override {}
  void cancel(io::FiberId) override {}
  void yield() override {}
  void turn_end() override {}
  Instant now() const override { return {}; }
};

// Nothing lies below the shadow's rows.
class NoFamily final : public io::Family {
 public:
  io::Peek peek(std::string_view, std::string&) override { return io::Peek::absent; }
  Result<std::optional<std::string>> get(std::string_view) override { return std::nullopt; }
  Result<std::unique_ptr<io::Cursor>> scan(std::string_view, std::string_view) override {
    UNREACHABLE();
  }
  Result<void> ingest(io::Run) override { UNREACHABLE(); }
  Result<void> export_to(std::string_view) override { UNREACHABLE(); }
};

}  // namespace

void MirrorRows::set(const std::string& key, const std::string* value) {
  const auto found = rows_.find(key);
  if (found != rows_.end()) digest_ -= digest_of(key, found->second);
  if (value != nullptr) {
    digest_ += digest_of(key, *value);
    if (found != rows_.end()) {
      found->second = *value;
    } else {
      rows_.emplace(key, *value);
    }
  } else if (found != rows_.end()) {
    rows_.erase(found);
  }
}

void MirrorRows::erase(std::string_view from, std::string_view to) {
  const auto first = rows_.lower_bound(from), end = rows_.lower_bound(to);
  for (auto row = first; row != end; ++row) digest_ -= digest_of(row->first, row->second);
  rows_.erase(first, end);
}

// --- the shadow -------------------------------------------------------------------------------

struct Replicas::Shadow {
  struct After {
    std::uint64_t record, rows;  // hashes
  };

  explicit Shadow(const processor::Owner& of) : owner(of), store(fibers, family) {
    store.erase_range("", tables::key_end);  // so that all of it is known to be absent
    store.note_writes(&written);
  }

  std::uint64_t applied() const { return after.size(); }
  const After* at(Lsn lsn) const {
    return lsn.raw() == 0 || lsn.raw() > after.size() ? nullptr : &after[lsn.raw() - 1];
  }

  Result<void> apply(const std::string& bytes) {
    TRY(record, wire::decode<wire::Record>(bytes));
    processor::Changes changes;
    TRY_VOID(processor::apply(Lsn(applied() + 1), record, owner, store, changes));
    for (const auto& [from, to] : written.erased) rows.erase(from, to);
    for (const std::string& key : written.keys) rows.set(key, store.get(key));
    written = {};
    after.push_back({.record = hash64(bytes), .rows = rows.digest()});
    return {};
  }

  const processor::Owner owner;
  NoFibers fibers;
  NoFamily family;
  tables::Store::Written written;
  tables::Store store;
  MirrorRows rows;
  std::vector<After> after;  // of record 1, 2, ...
};

// --- what one host does -----------------------------------------------------------------------

class Replicas::View final : public processor::Witness {
 public:
  View(Replicas& all, Host& host) : all_(all), host_(host) {}

  void opened(const processor::Owner& owner, Lsn applied) override {
    if (host_.dying()) return;
    ++all_.openings_;
    MirrorRows& rows = rows_[owner.partition] = {};
    host_.visit_rows(
        fmt::format("partition-{}", owner.partition.raw()),
        [&rows](const std::string& key, const std::string& value) { rows.set(key, &value); });
    const Shadow::After* expected = all_.shadow(owner).at(applied);
    if (expected == nullptr && applied.raw() > 0) {
      return all_.fail("state-equals-replay", owner,
                       fmt::format("the tables of {} say that {} is applied, but nobody did that",
                                   host_.name(), applied.raw()));
    }
    const std::uint64_t digest = expected != nullptr ? expected->rows : 0;
    if (rows.digest() != digest) {
      all_.fail("state-equals-replay", owner,
                fmt::format("{} opens tables at {} that hold something else than they did then",
                            host_.name(), applied.raw()));
    }
  }

  void applied(const processor::Owner& owner, Lsn lsn, const wire::Record& record,
               const processor::RowsWritten& written) override {
    if (host_.dying()) return;
    Shadow& shadow = all_.shadow(owner);
    const std::string bytes = wire::encode(record);
    if (!check_record(shadow, lsn, record, bytes)) return;
    MirrorRows& rows = rows_[owner.partition];
    for (const auto& [from, to] : written.erased) rows.erase(from, to);
    for (const auto& [key, value] : written.rows) rows.set(key, value);
    ++all_.compared_;
    if (rows.digest() == shadow.at(lsn)->rows) return;
    all_.fail("state-equals-replay", owner,
              fmt::format("after {} the rows of {} are others than those of the shadow, the first "
                          "at {}",
                          lsn.raw(), host_.name(), first_difference(rows, shadow)));
  }

  bool lost_a_disk() const { return host_.wipes() > 0; }
  bool holds(const wire::Record& record) {
    if (!durable_ || wipes_ != host_.wipes()) durable_.emplace(host_.disk());
    wipes_ = host_.wipes();
    return durable_->contains(record);
  }

 private:
  // False: there is nothing to compare with.
  bool check_record(Shadow& shadow, Lsn lsn, const wire::Record& record, const std::string& bytes) {
    if (const Shadow::After* before = shadow.at(lsn)) {
      if (before->record == hash64(bytes)) return true;
      all_.fail("log-single-history", shadow.owner,
                fmt::format("{} applies another record {} than was applied before", host_.name(),
                            lsn.raw()));
      return false;
    }
    if (lsn.raw() != shadow.applied() + 1) {
      all_.fail("log-single-history", shadow.owner,
                fmt::format("{} applies {} when {} was the last", host_.name(), lsn.raw(),
                            shadow.applied()));
      return false;
    }
    ++all_.records_;
    std::size_t copies = 0, lost = 0;
    for (const auto& [name, view] : all_.views_) {
      copies += view->holds(record) ? 1 : 0;
      lost += view->lost_a_disk() ? 1 : 0;
    }
    // The end of a loglet that had copies on a disk that is lost is kept by those that are left.
    const std::size_t least = std::min<std::size_t>(all_.copies_, 1);
    if (copies < least || copies + lost < all_.copies_) {
      all_.fail("acked-is-durable", shadow.owner,
                fmt::format("{} applies {}, which a power loss could take: {} of {} copies are "
                            "durable",
                            host_.name(), lsn.raw(), copies, all_.copies_));
      return false;
    }
    if (const Result<void> done = shadow.apply(bytes); !done) {
      all_.fail("apply-is-pure", shadow.owner,
                fmt::format("{} applied {}, the shadow says: {}", host_.name(), lsn.raw(),
                            done.error().detail));
      return false;
    }
    return true;
  }

  static std::string first_difference(const MirrorRows& rows, const Shadow& shadow) {
    auto mine = rows.rows().begin();
    auto other = shadow.rows.rows().begin();
    while (mine != rows.rows().end() && other != shadow.rows.rows().end() && *mine == *other) {
      ++mine, ++other;
    }
    std::string key;
    if (mine != rows.rows().end()) key = mine->first;
    if (other != shadow.rows.rows().end() && (key.empty() || other->first < key)) {
      key = other->first;
    }
    std::string hex;
    for (const char c : key) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return "row " + hex;
  }

  Replicas& all_;
  Host& host_;
  std::optional<DurableRecords> durable_;  // of the disk since that many wipes
  std::uint64_t wipes_ = 0;
  std::map<PartitionId, MirrorRows> rows_;
};

// --- all of them ------------------------------------------------------------------------------

Replicas::Replicas(const Universe& universe, History::Report report, std::size_t copies)
    : universe_(universe), report_(std::move(report)), copies_(copies) {}

Replicas::~Replicas() = default;

processor::Witness& Replicas::witness(Host& host) {
  std::unique_ptr<View>& view = views_[host.name()];
  if (!view) view = std::make_unique<View>(*this, host);
  return *view;
}

Replicas::Shadow& Replicas::shadow(const processor::Owner& owner) {
  std::unique_ptr<Shadow>& shadow = shadows_[owner.partition];
  if (!shadow) {
    processor::Owner of = owner;
    of.features = UINT32_MAX;  // hosts may be of several releases; who does not know stops
    shadow = std::make_unique<Shadow>(of);
  }
  return *shadow;
}

void Replicas::fail(std::string check, const processor::Owner& owner, std::string detail) {
  report_({.check = std::move(check),
           .subject = "partition",
           .detail = fmt::format("partition {} of {}, at {:.6f} s: {}", owner.partition.raw(),
                                 owner.partitions, static_cast<double>(universe_.loop.now()) / 1e9,
                                 detail)});
}

}  // namespace perdure::sim
