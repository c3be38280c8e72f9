#include "sim/cluster/close_trace.h"

#include <fmt/format.h>

namespace perdure::sim {

CloseTrace::CloseTrace(Universe& universe, Host& host, RaftGroup& group, io::Trace& below)
    : universe_(universe),
      host_(host),
      group_(group),
      below_(below),
      member_(host.wipes() == 0 ? host.name()
                                : fmt::format("{} with disk {}", host.name(), host.wipes())) {}

void CloseTrace::event(io::Level level, std::string_view name,
                       std::initializer_list<io::Field> fields) {
  below_.event(level, name, fields);
  if (host_.dying()) return;  // nobody got to see it
  group_.see({.at = universe_.loop.now(),
              .event = universe_.loop.event(),
              .host = member_,
              .life = host_.life(),
              .shard = 0,
              .level = level,
              .name = name,
              .fields = {fields.begin(), fields.size()}});
}

}  // namespace perdure::sim
