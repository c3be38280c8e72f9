// engine/log/reach.h
//
// How a journey reaches a loglet's copies: on this node directly, on others by question.
// It cannot tell which it was, but by how long it took.
//
// Survey asks all nodes of a nodeset at once, each until it answers, and wakes its owner at
// every answer.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "engine/io/fibers.h"
#include "engine/log/messages.h"
#include "engine/log/quorum.h"
#include "engine/log/server.h"

namespace perdure::log {

class LogletStore;

struct Reach {
  NodeId self;
  LogletStore* here = nullptr;  // nullptr: this shard has no copies of the partition
  Servers* servers = nullptr;   // nullptr: there are no other nodes
  io::Fibers& fibers;

  Result<TailReply> seal(NodeId node, LogletId loglet, Instant deadline) const;
  Result<TailReply> tail(NodeId node, const TailAsk& ask, Instant deadline) const;
  Result<TailReply> repair(NodeId node, RepairAsk ask, Instant deadline) const;
  Result<TailReply> trim(NodeId node, const TrimAsk& ask, Instant deadline) const;
  Result<DigestReply> digest(NodeId node, const DigestAsk& ask, Instant deadline) const;
  Result<ReadReply> read(NodeId node, const ReadAsk& ask, Instant deadline) const;

  // From whoever of the nodeset has them, this node first: records from `first` on, one at
  // least unless it is trimmed.  Parks.  Errors: failed (not all could be asked), corrupt
  // (all were, and none has it), cancelled.
  struct Fetched {
    Offset trim_point;  // as far as anybody said; records is empty when it reaches `first`
    std::vector<std::string> records;
  };
  Result<Fetched> fetch(const std::vector<Member>& nodeset, const ReadAsk& ask,
                        Instant deadline) const;
  States states() const;

 private:
  Result<std::string> ask(NodeId node, const Question& question, LogletId loglet,
                          Instant deadline) const;
  template <class Reply, class Ask>
  Result<Reply> put(NodeId node, Ask ask, Instant deadline) const;
};

template <class Reply>
class Survey {
 public:
  using Ask = std::function<Result<Reply>(NodeId)>;

  Survey(io::Fibers& fibers, const std::vector<Member>& nodeset, Ask ask)
      : fibers_(fibers), ask_(std::move(ask)), news_(fibers), asking_(fibers) {
    for (const Member& member : nodeset) {
      asking_.start("log.ask", [this, node = member.node] { ask_until_answered(node); });
    }
  }
  Survey(const Survey&) = delete;
  Survey& operator=(const Survey&) = delete;

  const std::map<NodeId, Reply>& answers() const { return answers_; }
  // Until the next answer.  Errors: timed_out, cancelled.
  Result<void> wait(Instant deadline) { return news_.wait(deadline); }
  // Before it goes, always.  Parks.
  void stop() { asking_.stop(); }

 private:
  static constexpr Duration pause = std::chrono::milliseconds(50);

  void ask_until_answered(NodeId node) {
    while (true) {
      Result<Reply> answer = ask_(node);
      if (answer) {
        answers_.insert_or_assign(node, std::move(*answer));
        news_.notify_all();
        return;
      }
      if (!fibers_.sleep_until(fibers_.now() + pause)) return;
    }
  }

  io::Fibers& fibers_;
  const Ask ask_;
  std::map<NodeId, Reply> answers_;
  io::Event news_;
  io::Group asking_;
};

}  // namespace perdure::log
