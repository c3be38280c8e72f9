// engine/node/remote_metadata.h
//
// The metadata store as shards other than 0 see it: each call is a question to shard 0,
// which serves it from the store itself.  Repeating a proposal is harmless by its id, so
// a lost answer is asked for again until the deadline.
#pragma once

#include "engine/control/metadata.h"
#include "engine/node/rpc.h"

namespace perdure::node {

class RemoteMetadata final : public control::Metadata {
 public:
  RemoteMetadata(io::World& world, Rpc& rpc, io::ShardAddress home)
      : world_(world), rpc_(rpc), home_(home) {}

  Result<control::Versioned> get(std::string_view key, Instant deadline) override;
  Result<void> compare_and_set(control::Proposal, Instant deadline) override;
  Result<control::Versioned> wait_newer(std::string_view key, std::uint64_t seen,
                                        Instant deadline) override;

 private:
  Result<std::string> ask(Verb, const std::string& request, Instant deadline);

  io::World& world_;
  Rpc& rpc_;
  const io::ShardAddress home_;
};

// Makes this shard, which holds the store, answer the others.  The store outlives the Rpc.
void serve_metadata(io::World&, Rpc&, control::Metadata&);

}  // namespace perdure::node
