// engine/processor/outbox.h
//
// Sends what the partition owes to others, from the rows, in order for each of them; and
// forgets it when it is applied there.
//
//     rows       head ........................ next
//     window         [ loaded, some done ] |  still only rows
//     lanes          to 3: 17 19 20       to 5: 18
//
// One lane a destination: its messages go in order, one record of several at a time, and
// the same again until it is applied (a mark there drops what comes twice).  What was
// done in all lanes up to some seq is truncated by a record.
//
// A destination that does not answer holds up its own lane, and the window when it is
// full of that lane's messages: bounded, and told by lanes().
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "engine/io/fibers.h"
#include "engine/io/world.h"
#include "engine/processor/bounds.h"
#include "engine/processor/needs.h"
#include "engine/processor/proposer.h"
#include "engine/tables/rows.h"
#include "engine/tables/store.h"

namespace perdure::processor {

class Outbox {
 public:
  static constexpr std::size_t batch_bytes = 1 << 20;

  // `next` is the seq that the next message will get.
  Outbox(io::World&, tables::Store&, Proposer&, Outbound&, PartitionId self, std::uint64_t head,
         std::uint64_t next, const Bounds&);

  void grew(std::uint64_t seq);  // this one is a row now; told in order
  // Until cancelled; its lanes are in the group.  Error: the store's.
  Result<void> run(io::Group&);

  std::size_t in_window() const { return window_.size(); }

 private:
  struct Message {
    wire::Command command;
    std::size_t bytes = 0;
  };
  struct Lane {
    std::deque<std::uint64_t> seqs;
    bool sending = false;
  };

  Result<void> load();
  void take(std::uint64_t seq, const std::string& row);
  void start_lanes(io::Group&);
  void serve(PartitionId to);
  std::string record_of(const Lane&, std::size_t& count) const;
  Result<void> truncate();

  io::World& world_;
  tables::Store& store_;
  Proposer& proposer_;
  Outbound& outbound_;
  const PartitionId self_;
  const Bounds bounds_;
  io::Event changed_;
  std::map<std::uint64_t, Message> window_;  // not yet applied where they go
  std::map<PartitionId, Lane> lanes_;
  std::uint64_t loaded_;     // all before it were loaded
  std::uint64_t next_;       // all before it are rows, or were
  std::uint64_t truncated_;  // all before it were proposed to go
};

}  // namespace perdure::processor
