// host/peering.h
//
// The rules of links between nodes that both twins of io::Peers follow, as values: who
// is let in, which of two connections that cross stays, how long to wait for what.
//
//     dialer                                   acceptor
//        │ I am (identity), (node, shard);         │
//        │ I want (node, shard)  ────────────────► │ objection()?  then refuse, and say why
//        │                                         │ cross()?      then keep one of two
//        │ ◄──────────────────────────  welcome    │
//
// Two shards that dial each other at the same time must end with one connection.  The
// one that the smaller address dialed stays: the acceptor can tell by comparing, so both
// decide alike, in whichever order they see it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/time.h"
#include "engine/io/peers.h"

namespace perdure::host {

// --- how long ---
inline constexpr Duration handshake_patience = std::chrono::seconds(3);  // dial to welcome
inline constexpr Duration ping_after = std::chrono::seconds(1);          // without a byte heard
inline constexpr Duration silence_max = std::chrono::seconds(3);         // then it is lost

// Before the next dial: 20 ms after the first failure, doubling up to 2 s; then between
// half of it and the whole, by `draw`, so that many nodes do not dial in step.
inline Duration redial_pause(std::uint32_t failures, std::uint64_t draw) {
  constexpr Duration least = std::chrono::milliseconds(20), most = std::chrono::seconds(2);
  Duration pause = least;
  for (std::uint32_t i = 1; i < failures && pause < most; ++i) pause *= 2;
  pause = std::min(pause, most);
  return pause / 2 + Duration(static_cast<Duration::rep>(
                         draw % static_cast<std::uint64_t>(pause.count() / 2 + 1)));
}

// --- who ---
struct Introduction {
  io::Identity identity;
  io::ShardAddress self;    // who dials
  io::ShardAddress wanted;  // whom it believes to have reached
};

// Why the acceptor refuses; nullopt: it does not.  `newest` is the latest incarnation
// that it has heard of the dialer's node, 0 for none.
inline std::optional<std::string> objection(const io::Identity& mine, std::uint32_t my_shards,
                                            const Introduction& theirs, std::uint64_t newest) {
  const auto text = [](std::uint64_t number) { return std::to_string(number); };
  if (theirs.identity.cluster != mine.cluster) {
    return "this is cluster '" + mine.cluster + "', not '" + theirs.identity.cluster + "'";
  }
  if (theirs.identity.fingerprint != mine.fingerprint) {
    return "this is another cluster of the name '" + mine.cluster + "'";
  }
  if (theirs.wanted.node != mine.node) {
    return "this is node " + text(mine.node.raw()) + ", not " + text(theirs.wanted.node.raw());
  }
  if (theirs.wanted.shard >= my_shards) {
    return "this node has " + text(my_shards) + " shards, none is " + text(theirs.wanted.shard);
  }
  if (theirs.self.node == mine.node || theirs.self.node != theirs.identity.node) {
    return "node " + text(theirs.self.node.raw()) + " cannot be the one that dials";
  }
  if (theirs.identity.incarnation < newest) {
    return "incarnation " + text(theirs.identity.incarnation) + " of node " +
           text(theirs.self.node.raw()) + " is over, " + text(newest) + " has been heard";
  }
  return std::nullopt;
}

// --- which ---
enum class Crossing { take_theirs, keep_ours };

// Both dial: the acceptor is `self`, and its own attempt is under way.
inline Crossing cross(io::ShardAddress self, io::ShardAddress dialer) {
  return dialer < self ? Crossing::take_theirs : Crossing::keep_ours;
}

}  // namespace perdure::host
