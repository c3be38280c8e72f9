#include "engine/control/plan.h"

namespace perdure::control {

std::string epoch_key(PartitionId partition) { return "epoch/" + std::to_string(partition.raw()); }

OrderAnswer Orders::take(const Order& order) {
  Order& known = orders_[order.line.partition];
  if (order.version < known.version) {
    return {.what = OrderAnswer::What::stale, .known = known.version};
  }
  known = order;
  return {.what = OrderAnswer::What::done, .known = order.version};
}

const PlanLine* Orders::find(PartitionId partition) const {
  const auto found = orders_.find(partition);
  return found == orders_.end() ? nullptr : &found->second.line;
}

}  // namespace perdure::control
