// engine/control/metadata_client.h
//
// The metadata for a node that is not a member of the group, or does not lead it: asks one
// member after the other until the leader answers, and remembers who that was.
//
//     ask n1 ─► "the leader is n3" ─► ask n3 ─► answer
//          └─ silent, busy, gone: a pause, then the next one, until the deadline
//
// Asking again is harmless: reads change nothing, and a proposal carries its id, which is
// why a lost answer is never mistaken for somebody else's write (metadata.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/control/metadata.h"
#include "engine/control/metadata_words.h"
#include "engine/io/fibers.h"

namespace perdure::control {

// What the metadata needs of the network: other members of the group.  node/ fills it in.
class Members {
 public:
  virtual ~Members() = default;
  // A message of Raft: may be lost, doubled, overtaken.  Never parks.
  virtual void send(NodeId to, std::string message) = 0;
  // A question in metadata_words.h; parks.  Errors: timed_out, cancelled, those of
  // RaftMetadata::serve, and whatever says that it could not be asked.
  virtual Result<std::string> ask(NodeId to, std::string_view question, Instant deadline) = 0;
};

class MetadataClient final : public Metadata {
 public:
  struct Options {
    Duration patience = std::chrono::seconds(2);  // with one member's answer
    Duration pause = std::chrono::milliseconds(20);
  };
  using Candidates = std::function<std::vector<NodeId>()>;

  // Fibers and Members outlive it.  `candidates` is asked each time: members come and go.
  MetadataClient(io::Fibers& fibers, Members& members, Candidates candidates, Options options);
  MetadataClient(io::Fibers& fibers, Members& members, Candidates candidates);

  Result<Versioned> get(std::string_view key, Instant deadline) override;
  Result<void> compare_and_set(Proposal, Instant deadline) override;
  Result<Versioned> wait_newer(std::string_view key, std::uint64_t seen, Instant deadline) override;
  // An operator's act on the group.  Errors: invalid, timed_out (it may still happen).
  Result<void> act(GroupAct, NodeId, Instant deadline);

  // A guess to begin with.
  void leader_may_be(NodeId node) { leader_ = node; }

 private:
  Result<std::string> ask(const std::string& question, Instant deadline);
  std::optional<NodeId> whom();

  io::Fibers& fibers_;
  Members& members_;
  const Candidates candidates_;
  const Options options_;
  std::optional<NodeId> leader_;
  std::size_t turn_ = 0;
};

}  // namespace perdure::control
