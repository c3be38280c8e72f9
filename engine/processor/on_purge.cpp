// Purge: what is kept of completed invocations goes.  Single ones when somebody asks; by
// the hour when retention is over: the leader first names those whose ended rows (and
// long journals, and workflow state) go one by one, and then drops the hour whole.
#include <algorithm>

#include "engine/processor/commands.h"

namespace perdure::processor {
namespace {

void purge_journal(Context& context, const wire::InvocationId& id, tables::EndedRow ended) {
  if (!ended.journal_until) return;
  const tables::Bucket bucket = tables::bucket_of(*ended.journal_until);
  context.store.erase(tables::kept_key(bucket, id));
  if (ended.chunks > 0) {
    context.store.erase(tables::long_kept_key(bucket, id));
    context.drop_journal(id, ended.chunks);
  }
  ended.journal_until.reset();
  ended.chunks = 0;
  context.store.put(tables::ended_key(id), wire::encode(ended));
}

void drop_hours(Context& context, tables::Bucket through) {
  if (context.at < tables::end_of(through)) return;
  for (const auto kind : {tables::Kind::completed, tables::Kind::kept, tables::Kind::long_kept}) {
    const tables::KeyRange range = tables::buckets_through(kind, through);
    context.store.erase_range(range.from, range.to);
  }
  auto& dropped = context.partition.dropped_buckets;
  dropped = std::max(dropped, std::uint64_t{through} + 1);
}

}  // namespace

void on(Context& context, const wire::Purge& purge) {
  for (const auto& id : purge.ids) {
    const auto ended = context.ended(id);
    if (!ended) continue;
    if (purge.journal_only) {
      purge_journal(context, id, *ended);
    } else {
      context.forget(id, *ended);
    }
  }
  if (purge.hours_through > 0) drop_hours(context, purge.hours_through);
}

}  // namespace perdure::processor
