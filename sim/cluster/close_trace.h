// sim/cluster/close_trace.h
//
// Hands everything on, and shows the checker of the metadata group what is too fine for other
// runs.  A host whose disk was lost is another member from then on: "n2", then "n2 with disk 1".
#pragma once

#include "engine/io/trace.h"
#include "sim/check/raft_history.h"
#include "sim/world/host.h"
#include "sim/world/universe.h"

namespace perdure::sim {

class CloseTrace final : public io::Trace {
 public:
  CloseTrace(Universe& universe, Host& host, RaftGroup& group, io::Trace& below);

  bool wants(io::Level) const override { return true; }
  void event(io::Level level, std::string_view name,
             std::initializer_list<io::Field> fields) override;
  void count(std::string_view name, std::uint64_t by) override { below_.count(name, by); }

 private:
  Universe& universe_;
  Host& host_;
  RaftGroup& group_;
  io::Trace& below_;
  const std::string member_;
};

}  // namespace perdure::sim
