// engine/node/rpc.h
//
// Questions and answers between shards, and one-way messages, over io::Peers, which
// only moves frames.
//
//     ask(shard 1, Verb::submit, bytes)  ──►  the function that serves `submit` there,
//     ◄── its Result<std::string>             in a fiber of its own
//
//     tell(shard 1, Verb::x, bytes)      ──►  the function that hears `x` there, in the
//                                             turn of arrival, in the order of telling
//
// In: the verbs that node/ serves on this shard.  Out: Peers.  Not: retries (who asks
// knows whether asking twice is harmless), routing (partitions.h).
//
// What an error of ask() says of what was asked:
//
//     retry_later   it never left, or the far side was too busy: it did not happen
//     failed        the connection was lost: it happened, or will not
//     timed_out     the deadline passed: it happened, will not, or may yet
//
// and otherwise errors of the far side come back with their code and detail.  A question
// does not outwait its connection: it ends in the turn in which the link goes down.
// Nor does its answer: what a far side says after that is not taken for an answer to
// anything else, for questions are numbered from a draw, anew in every process.
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
  view = 14,        // what a shard says of its partitions
  gossip = 15,      // who is alive, as another node sees it: told
  usable = 16,      // whom this node takes for alive, to its other shards: told
  snapshot = 17,    // what snapshot of a partition there is, or a piece of it
  progress = 18,    // how far a replica is
  past = 19,        // what is kept of a completed invocation
  log_verb = 30,    // what an operator wants of a partition's log
};

class Rpc {
 public:
  using Serve = std::function<Result<std::string>(std::string_view request)>;
  // May not park.
  using Hear = std::function<void(const io::Origin& from, std::string_view message)>;
  using Watch = std::function<void(const io::Link&)>;

  explicit Rpc(io::World&);
  ~Rpc();

  // Before the first frame can come.
  void serve(Verb, Serve);
  void hear(Verb, Hear);

  // Parks until the answer is there.  Errors: see above; not_found when nobody knows
  // the way to that shard; cancelled.
  Result<std::string> ask(io::ShardAddress to, Verb, std::string_view request, Instant deadline);
  // Never parks.  Errors: as of Peers::send.  A message that was taken arrives, or the
  // link goes down.
  Result<void> tell(io::ShardAddress to, Verb, std::string_view message);

  // Tells of every link that comes up or goes down, until it is taken back.  When a
  // link goes down, questions over it have got their error before.
  std::uint64_t watch(Watch);
  void unwatch(std::uint64_t id);

  void stop();  // hears nothing more, cancels what is being served, joins

 private:
  struct Pending {
    io::ShardAddress to;
    io::Event* done;
    Result<std::string>* answer;
  };

  void on_frame(const io::Origin& from, std::string frame);
  void on_link(const io::Link&);
  void answered(std::uint64_t question, std::uint8_t what, std::string_view bytes);
  void serve_question(const io::Origin& from, std::uint64_t question, Verb, std::string frame);
  void answer(io::ShardAddress to, std::uint64_t question, const Result<std::string>&);

  static constexpr std::size_t serving_max = 20'000;  // questions at a time, this shard

  io::World& world_;
  std::map<Verb, Serve> serves_;
  std::map<Verb, Hear> hears_;
  std::map<std::uint64_t, Pending> pending_;  // by question number
  std::map<std::uint64_t, Watch> watches_;
  std::uint64_t next_question_;
  std::uint64_t next_watch_ = 1;
  io::Group serving_;
};

}  // namespace perdure::node
