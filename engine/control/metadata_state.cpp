#include "engine/control/metadata_state.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/match.h"
#include "engine/wire/codec.h"

namespace perdure::control {
namespace {

using wire::field;

// The forms on disk.  A number keeps its meaning for ever.
struct ObjectRow {
  std::string key, value;
  std::uint64_t version = 0;  // after the write
  static constexpr auto fields =
      std::tuple(field(1, "key", &ObjectRow::key), field(2, "value", &ObjectRow::value),
                 field(3, "version", &ObjectRow::version));
};
struct IdRow {
  std::uint64_t high = 0, low = 0;
  static constexpr auto fields =
      std::tuple(field(1, "high", &IdRow::high), field(2, "low", &IdRow::low));
};
struct ProposalEntry {
  IdRow id;
  std::vector<ObjectRow> writes;
  static constexpr auto fields =
      std::tuple(field(1, "id", &ProposalEntry::id), field(2, "writes", &ProposalEntry::writes));
};
struct SnapshotEntry {
  std::vector<ObjectRow> objects;
  std::vector<IdRow> happened;
  static constexpr auto fields = std::tuple(field(1, "objects", &SnapshotEntry::objects),
                                            field(2, "happened", &SnapshotEntry::happened));
};
struct MetadataEntry {
  std::variant<std::monostate, ProposalEntry, SnapshotEntry> is;
  static constexpr auto fields = std::tuple(wire::one_of("is", &MetadataEntry::is, 1, 2));
};

IdRow row_of(const wire::Uuid& id) { return {.high = id.high, .low = id.low}; }
wire::Uuid id_of(const IdRow& row) { return {.high = row.high, .low = row.low}; }

}  // namespace

Versioned MetadataState::get(std::string_view key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? Versioned{} : found->second;
}

Result<MetadataState::Verdict> MetadataState::check(const Proposal& proposal,
                                                    const MetadataLimits& limits) const {
  if (std::ranges::find(happened_, proposal.id) != happened_.end()) return Verdict::happened;
  if (proposal.writes.empty()) return fail(Code::invalid, "a proposal writes at least one key");
  std::size_t bytes = bytes_;
  for (auto write = proposal.writes.begin(); write != proposal.writes.end(); ++write) {
    const bool twice = std::find_if(proposal.writes.begin(), write, [&](const Write& earlier) {
                         return earlier.key == write->key;
                       }) != write;
    if (twice) return fail(Code::invalid, "key '" + write->key + "' stands twice in one proposal");
    if (write->key.empty() || write->key.size() > limits.key_bytes) {
      return fail(Code::invalid, "a key has 1 to " + std::to_string(limits.key_bytes) + " bytes");
    }
    if (write->value.size() > limits.value_bytes) {
      return fail(Code::invalid, "value of '" + write->key + "' has " +
                                     std::to_string(write->value.size()) + " bytes, at most " +
                                     std::to_string(limits.value_bytes) + " are taken");
    }
    const Versioned now = get(write->key);
    if (now.version != write->expected) {
      return fail(Code::conflict, "'" + write->key + "' is at version " +
                                      std::to_string(now.version) + ", expected " +
                                      std::to_string(write->expected));
    }
    bytes += write->value.size();
    bytes -= now.version == 0 ? 0 : now.value.size();
    bytes += now.version == 0 ? write->key.size() : 0;
  }
  if (bytes > limits.all_bytes) {
    return fail(Code::full, "the metadata would have " + std::to_string(bytes) +
                                " bytes, at most " + std::to_string(limits.all_bytes) +
                                " are kept");
  }
  return Verdict::write;
}

Result<void> MetadataState::decide(std::string_view bytes) {
  TRY(entry, wire::decode<MetadataEntry>(bytes));
  const auto* const proposal = std::get_if<ProposalEntry>(&entry.is);
  if (proposal == nullptr) return fail(Code::corrupt, "not a proposal that is known here");
  if (std::ranges::find(happened_, id_of(proposal->id)) != happened_.end()) return {};
  for (const ObjectRow& row : proposal->writes) {
    const std::uint64_t now = get(row.key).version;
    if (now + 1 != row.version) {
      return fail(Code::conflict, "'" + row.key + "' is at version " + std::to_string(now) +
                                      ", expected " + std::to_string(row.version - 1));
    }
  }
  return apply(bytes);
}

std::string MetadataState::entry_of(const Proposal& proposal) {
  ProposalEntry entry{.id = row_of(proposal.id)};
  for (const Write& write : proposal.writes) {
    entry.writes.push_back({.key = write.key, .value = write.value, .version = write.expected + 1});
  }
  return wire::encode(MetadataEntry{.is = std::move(entry)});
}

std::string MetadataState::snapshot() const {
  SnapshotEntry entry;
  for (const auto& [key, object] : objects_) {
    entry.objects.push_back({.key = key, .value = object.value, .version = object.version});
  }
  for (const wire::Uuid& id : happened_) entry.happened.push_back(row_of(id));
  return wire::encode(MetadataEntry{.is = std::move(entry)});
}

Result<void> MetadataState::apply(std::string_view bytes) {
  TRY(entry, wire::decode<MetadataEntry>(bytes));
  return match(
      std::move(entry.is),
      [](std::monostate) -> Result<void> {
        return fail(Code::corrupt, "metadata entry of a kind that is not known here");
      },
      [&](ProposalEntry proposal) -> Result<void> {
        for (const ObjectRow& row : proposal.writes) {
          if (get(row.key).version + 1 != row.version) {
            return fail(Code::corrupt, "metadata entry writes '" + row.key + "' out of order");
          }
        }
        for (ObjectRow& row : proposal.writes) {
          Versioned& object = objects_[row.key];
          bytes_ += row.value.size();
          bytes_ -= object.value.size();
          if (object.version == 0) bytes_ += row.key.size();
          object = {.version = row.version, .value = std::move(row.value)};
        }
        happened_.push_back(id_of(proposal.id));
        if (happened_.size() > proposals_kept) happened_.erase(happened_.begin());
        return {};
      },
      [&](SnapshotEntry snapshot) -> Result<void> {
        MetadataState fresh;
        for (ObjectRow& row : snapshot.objects) {
          fresh.bytes_ += row.key.size() + row.value.size();
          fresh.objects_[row.key] = {.version = row.version, .value = std::move(row.value)};
        }
        for (const IdRow& row : snapshot.happened) fresh.happened_.push_back(id_of(row));
        *this = std::move(fresh);
        return {};
      });
}

}  // namespace perdure::control
