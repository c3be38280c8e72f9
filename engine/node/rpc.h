// engine/node/rpc.h
//
// Questions and answers between shards, over io::Peers, which only moves frames.
//
//     ask(shard 1, Verb::submit, bytes)  ──►  the function that serves `submit` there,
//     ◄── its Result<std::string>             in a fiber of its own
//
//     tell(shard 1, Verb::group, bytes)  ──►  the function that hears `group` there
//
// In: the verbs that node/ serves on this shard.  Out: Peers.  Not: retries (who asks
// knows whether asking twice is harmless), routing (partitions.h).
//
// An answer that never comes is `timed_out`: what was asked may or may not have
// happened.  Errors of the far side come back with their code and detail.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/io/fibers.h"
#include "engine/io/peers.h"
#include "engine/io/world.h"

namespace perdure::node {

enum class Verb : std::uint8_t {
  submit = 1,        // append a record to a partition's log, answer when it is applied
  await = 2,         // answer when an invocation has completed
  output = 3,        // its outcome, or that there is none yet
  metadata_get = 4,  // the metadata store, for shards that do not hold it
  metadata_swap = 5,
  metadata_watch = 6,
  hello = 7,        // what a shard must know of the node before it opens
  schema_seen = 8,  // answer when that version of the schema has been seen
  look = 9,         // where an invocation is in its life
  group = 10,       // a message of the metadata group's Raft: told, never answered
  group_ask = 11,   // a question to a member of the metadata group
  log_ask = 12,     // a question about this node's copies of a loglet
  log_frame = 13,   // a writer's records, or what a copy says to them: told, never answered
};

class Rpc {
 public:
  using Serve = std::function<Result<std::string>(std::string_view request)>;
  using Hear = std::function<void(io::ShardAddress from, std::string_view bytes)>;

  explicit Rpc(io::World&);
  ~Rpc();

  // Before the first frame can come.
  void serve(Verb, Serve);
  void hear(Verb, Hear);  // may not park
  // Parks until the answer is there.  Errors: timed_out, cancelled, and the far side's.
  Result<std::string> ask(io::ShardAddress to, Verb, std::string_view request, Instant deadline);
  // Never parks, and nobody answers; what cannot be sent is lost.
  void tell(io::ShardAddress to, Verb, std::string_view bytes);
  void stop();  // hears nothing more, cancels what is being served, joins

 private:
  struct Pending {
    io::Event* done;
    Result<std::string>* answer;
  };

  void on_frame(io::ShardAddress from, std::string frame);
  void answer(io::ShardAddress to, std::uint64_t question, const Result<std::string>&);

  io::World& world_;
  std::map<Verb, Serve> serves_;
  std::map<Verb, Hear> hears_;
  std::map<std::uint64_t, Pending> pending_;  // by question number
  std::uint64_t next_question_ = 1;
  io::Group serving_;
};

}  // namespace perdure::node
