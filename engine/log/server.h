// engine/log/server.h
//
// What a node's copies say to other nodes: questions answered, stores taken, writers told.
//
//     question ──► answer() ──► LogletStore ──► reply           a fiber for each
//     frame    ──► hear() ─┬─ store   ──► LogletStore           no fiber, no answer yet
//                          │       durable ──► stored, back     one for all of a sync
//                          └─ stored  ──► the writer here       (replicator.h)
//
// One for a shard.  Frames that make no sense are counted and dropped: a peer cannot stop
// a server.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "engine/io/fibers.h"
#include "engine/io/trace.h"
#include "engine/log/loglet_store.h"
#include "engine/log/messages.h"
#include "engine/log/servers.h"

namespace perdure::log {

// A writer of this node, who hears what other nodes say to its stores.  May not park.
class StoreAnswers {
 public:
  virtual ~StoreAnswers() = default;
  virtual void stored(NodeId by, const Stored& stored) = 0;
  virtual void lost(NodeId node) = 0;  // what is on its way to or from it may be lost
  virtual void found(NodeId node) = 0;
};

// One question to one node's copies.  Parks.
Result<std::string> answer_question(LogletStore& store, io::Fibers& fibers,
                                    std::string_view question);
// What it is about.  Error: corrupt.
Result<LogletId> loglet_of(const Question& question);

class Server final : private CopyWatcher {
 public:
  struct Parts {
    std::function<LogletStore*(PartitionId)> store_of;  // nullptr: not of this shard
    Servers& servers;
    io::Fibers& fibers;
    io::Trace& trace;
  };
  explicit Server(Parts parts) : parts_(std::move(parts)) {}

  Result<std::string> answer(std::string_view question);  // parks
  void hear(NodeId from, std::string_view frame);         // never parks
  void lost(NodeId node);                                 // connections to it ended
  void found(NodeId node);                                // and are there again

  void listen(LogletId loglet, StoreAnswers& writer) { writers_[loglet] = &writer; }
  void unlisten(LogletId loglet) { writers_.erase(loglet); }

 private:
  // A writer elsewhere, whose stores come here.
  struct Correspondent {
    NodeId node;
    std::uint64_t round = 0;
    bool told_gap = false;  // in this round
  };

  void hear_store(NodeId from, std::string_view frame);
  void hear_stored(NodeId from, std::string_view frame);
  void tell(LogletId loglet, StoredStatus status);
  void durable(LogletId loglet, Offset last) override;
  void sealed(LogletId loglet) override;
  void failed(LogletId loglet, const Error& why) override;

  const Parts parts_;
  std::map<LogletId, Correspondent> correspondents_;
  std::map<LogletId, StoreAnswers*> writers_;
};

}  // namespace perdure::log
