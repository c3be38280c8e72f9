#include "engine/processor/apply.h"

#include "engine/base/bytes.h"
#include "engine/base/match.h"
#include "engine/processor/commands.h"

namespace perdure::processor {
namespace {

constexpr std::chrono::milliseconds prune_step = std::chrono::minutes(1);

// What this build cannot apply must stop the replica before anything of it is applied.
Result<void> all_known(Lsn lsn, const wire::Record& record, std::uint32_t features) {
  for (const auto& command : record.commands) {
    const auto* announce = std::get_if<wire::AnnounceLeader>(&command.body);
    if (announce && announce->features > features) {
      return fail(Code::invalid, "from record " + std::to_string(lsn.raw()) +
                                     " on features up to " + std::to_string(announce->features) +
                                     " are in use, this build knows those up to " +
                                     std::to_string(features) + ": it takes a newer release");
    }
    if (command.body.index() == 0) {
      return fail(Code::invalid, "record " + std::to_string(lsn.raw()) +
                                     " has a command that this version does not know");
    }
    const auto* entry = std::get_if<wire::Entry>(&command.body);
    if (entry && name_of(entry->type) == "unknown") {
      return fail(Code::invalid, "record " + std::to_string(lsn.raw()) +
                                     " has a journal entry that this version does not know");
    }
  }
  return {};
}

Result<tables::PartitionRow> partition_row(const Owner& owner, tables::Store& store) {
  const std::string* bytes = store.get(tables::partition_row_key());
  if (!bytes) {
    return tables::PartitionRow{.partition = owner.partition, .partitions = owner.partitions};
  }
  TRY(row, wire::decode<tables::PartitionRow>(*bytes));
  if (row.partition != owner.partition || row.partitions != owner.partitions) {
    return fail(Code::conflict, "tables are of partition " + std::to_string(row.partition.raw()) +
                                    " of " + std::to_string(row.partitions));
  }
  if (row.storage > tables::storage_version) {
    return fail(Code::invalid, "tables are of storage version " + std::to_string(row.storage) +
                                   ", this build knows " + std::to_string(tables::storage_version));
  }
  if (row.features > owner.features) {
    return fail(Code::invalid, "tables use features up to " + std::to_string(row.features) +
                                   ", this build knows those up to " +
                                   std::to_string(owner.features) + ": it takes a newer release");
  }
  return row;
}

Verdict fence(const wire::SelfProducer& self, tables::PartitionRow& partition) {
  if (self.epoch != partition.epoch) return Verdict::fenced;
  if (self.seq <= partition.self_mark) return Verdict::duplicate;
  partition.self_mark = self.seq;
  return Verdict::applied;
}

std::uint64_t source_mark(const wire::SourceProducer& source, tables::Store& store) {
  const std::string* mark = store.get(tables::source_key(source.partition));
  return mark ? get_be<std::uint64_t>(*mark) : 0;
}

// Seqs start at 1, so a mark of 0 is "nothing yet".
Verdict fence(const wire::SourceProducer& source, std::uint64_t mark, tables::Store& store) {
  if (source.seq <= mark) return Verdict::duplicate;
  std::string bytes;
  put_be(bytes, source.seq);
  store.put(tables::source_key(source.partition), std::move(bytes));
  return Verdict::applied;
}

// An id is kept while its first attempt lies in the window; who comes from outside of it
// is refused, because nobody could tell whether he was here before.
// The window is around the latest time that ids were dropped for: a clock that was ahead
// of others for a while leaves it there until they have caught up.
Verdict fence(const wire::RequestProducer& request, WallTime at, tables::PartitionRow& partition,
              tables::Store& store, Changes& changes) {
  if (at - request_window > partition.requests_pruned + prune_step) {
    partition.requests_pruned = at - request_window;
    const tables::KeyRange old = tables::requests_before(partition.requests_pruned);
    store.erase_range(old.from, old.to);
  }
  const WallTime now = std::max(at, partition.requests_pruned + request_window);
  if (request.first_attempt < now - request_window ||
      request.first_attempt > now + request_window) {
    changes.request_time = now;
    return Verdict::refused;
  }
  const tables::Key key = tables::request_key(request.first_attempt, request.id());
  if (store.get(key)) return Verdict::duplicate;
  store.put(key, {});
  return Verdict::applied;
}

void apply_command(Context& context, const wire::Command& command) {
  match(
      command.body, [](const std::monostate&) { UNREACHABLE(); },
      [&](const wire::Invoke& c) { on(context, c); }, [&](const wire::Pin& c) { on(context, c); },
      [&](const wire::Entry& c) { on(context, c); },
      [&](const wire::CompleteRun& c) { on(context, c); },
      [&](const wire::Suspend& c) { on(context, c); }, [&](const wire::End& c) { on(context, c); },
      [&](const wire::Pause& c) { on(context, c); }, [&](const wire::Fail& c) { on(context, c); },
      [&](const wire::Respond& c) { on(context, c); },
      [&](const wire::Signal& c) { on(context, c); },
      [&](const wire::Cancel& c) { on(context, c); }, [&](const wire::Kill& c) { on(context, c); },
      [&](const wire::Resume& c) { on(context, c); },
      [&](const wire::Attach& c) { on(context, c); }, [&](const wire::Purge& c) { on(context, c); },
      [&](const wire::PatchState& c) { on(context, c); },
      [&](const wire::Fire& c) { on(context, c); },
      [&](const wire::TruncateOutbox& c) { on(context, c); },
      [&](const wire::AnnounceLeader& c) { on(context, c); });
}

}  // namespace

Result<void> apply(Lsn lsn, const wire::Record& record, const Owner& owner, tables::Store& store,
                   Changes& changes) {
  TRY_VOID(all_known(lsn, record, owner.features));
  TRY(partition, partition_row(owner, store));
  std::uint64_t mark = 0;  // commands of a source up to here are skipped
  changes.verdict = match(
      record.producer, [](const std::monostate&) { return Verdict::applied; },
      [&](const wire::SelfProducer& self) { return fence(self, partition); },
      [&](const wire::SourceProducer& source) {
        mark = source_mark(source, store);
        return fence(source, mark, store);
      },
      [&](const wire::RequestProducer& request) {
        return fence(request, record.at, partition, store, changes);
      });
  partition.applied = lsn;
  if (changes.verdict == Verdict::applied) {
    const auto* source = std::get_if<wire::SourceProducer>(&record.producer);
    Context context(record.at, owner, store, partition, changes);
    for (std::size_t i = 0; i < record.commands.size(); ++i) {
      if (source && i < source->seqs.size() && source->seqs[i] <= mark) continue;
      apply_command(context, record.commands[i]);
      while (const auto sent = context.take_pending()) apply_command(context, *sent);
    }
    context.put_rows();
  }
  std::string& row = store.edit(tables::partition_row_key());
  row.clear();
  wire::encode_to(row, partition);
  return {};
}

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::applied: return "applied";
    case Verdict::duplicate: return "duplicate";
    case Verdict::fenced: return "fenced";
    case Verdict::refused: return "refused";
  }
  return "?";
}

}  // namespace perdure::processor
