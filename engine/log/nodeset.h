// engine/log/nodeset.h
//
// Which nodes a new loglet may use: chosen by hash of (partition, node), so that the same
// cluster gives the same answer, nodes come and go without moving everybody, and every
// node serves its share.
//
//     candidates       a b c | d e f        zones west, east
//     by hash          f a d e c b
//     round by zones   f a d c e b          one of each zone in turn
//     first of all     the sequencer's own node: its copy costs no message
//
//     nodes wanted = max(size, 2 * copies - 1, copies + 1); one copy wants one node
//
// A node that is away for the moment and belongs among them is added on top, not instead:
// it will be useful when it is back.  But never so many that those who are here would not
// be an f-majority any more, or the loglet could not be sealed before they return.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/log/quorum.h"

namespace perdure::log {

struct Candidate {
  Member member;
  StorageState state = StorageState::provisioning;
  bool alive = true;  // as far as one knows
};

struct NodesetWish {
  PartitionId partition;
  Replication replication;
  std::uint32_t size = 0;  // nodes, at least; 0: as few as are sensible
  NodeId sequencer;
};

// Error: retry_later, when too few nodes can be written to.
Result<std::vector<Member>> choose_nodeset(const NodesetWish& wish,
                                           const std::vector<Candidate>& candidates);

// How the nodeset of the open loglet looks today, to whoever writes it.
//
//     well             as good as one that would be chosen now, or near it; or there is none
//                      to be chosen
//     could_be_better  it can be written to, but is of another replication than is wished, has a
//                      node that is to leave or has left, or fewer that are alive than one
//                      chosen now: worth a change, in no hurry.  Never because others would
//                      merely be chosen today
//     cannot_write     those that are alive are no write quorum, and another nodeset would be
enum class NodesetFitness { well, could_be_better, cannot_write };
NodesetFitness fitness_of(const std::vector<Member>& nodeset, Replication replication,
                          const NodesetWish& wish, const std::vector<Candidate>& candidates);

}  // namespace perdure::log
