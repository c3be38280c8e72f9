// sim/cluster/log_peers.h
//
// log::Servers over io::Peers, for hosts that run a log server and nothing else.
//
//     frame   kind u8 | number u64 | partition u32 | bytes
#pragma once

#include <functional>
#include <map>
#include <string>

#include "engine/io/fibers.h"
#include "engine/io/peers.h"
#include "engine/io/world.h"
#include "engine/log/server.h"
#include "sim/cluster/log_registers.h"

namespace perdure::sim {

class LogPeers final : public log::Servers {
 public:
  LogPeers(io::World& world, LogRegisters& registers);
  ~LogPeers() override;

  // Frames that came before are lost.
  void serve(log::Server& server) { server_ = &server; }

  Result<std::string> ask(NodeId node, PartitionId partition, std::string_view question,
                          Instant deadline) override;
  Result<void> tell(NodeId node, PartitionId partition, std::string frame) override;
  std::vector<log::Candidate> members() const override;

 private:
  struct Pending {
    NodeId to;
    io::Event* done;
    Result<std::string>* answer;
  };
  void on_frame(io::ShardAddress from, const std::string& frame);
  void on_link(const io::Link& link);
  void answer(NodeId to, std::uint64_t number, const Result<std::string>& answer);

  io::World& world_;
  LogRegisters& registers_;
  log::Server* server_ = nullptr;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t next_number_;
  io::Group serving_;
};

}  // namespace perdure::sim
