// AnnounceLeader: a node begins to lead.  From here on only its Self records count, and
// their numbering starts anew.
#include <algorithm>

#include "engine/processor/commands.h"

namespace perdure::processor {

void on(Context& context, const wire::AnnounceLeader& announce) {
  if (announce.epoch <= context.partition.epoch) return;
  context.partition.epoch = announce.epoch;
  context.partition.leader = announce.node;
  context.partition.incarnation = announce.incarnation;
  context.partition.self_mark = 0;
  context.partition.features = std::max(context.partition.features, announce.features);
  context.changes.list.push_back(LeaderAnnounced{.epoch = announce.epoch,
                                                 .node = announce.node,
                                                 .incarnation = announce.incarnation,
                                                 .features = context.partition.features});
}

}  // namespace perdure::processor
