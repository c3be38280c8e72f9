// engine/node/metadata_update.h
//
// Read an object of the metadata store, change it, write it; again when somebody was faster.
#pragma once

#include <string_view>

#include "engine/control/metadata.h"
#include "engine/io/clock.h"
#include "engine/io/random.h"
#include "engine/io/world.h"
#include "engine/wire/codec.h"

namespace perdure::node {

inline control::Proposal new_proposal(io::World& world) {
  return {
      .id = {.high = world.random.draw("node.proposal"), .low = world.random.draw("node.proposal")},
      .writes = {}};
}

// `change(value)` gives a Result<T>; one that is equal is not written.  Parks.  Errors: those
// of `change`, of the store, corrupt.
template <class T, class Change>
Result<T> update(io::World& world, control::Metadata& metadata, std::string_view key,
                 Instant deadline, Change change) {
  for (;;) {
    TRY(found, metadata.get(key, deadline));
    TRY(before, wire::decode<T>(found.value));
    TRY(after, change(before));
    if (found.version > 0 && after == before) return after;
    control::Proposal proposal = new_proposal(world);
    proposal.writes.push_back(
        {.key = std::string(key), .expected = found.version, .value = wire::encode(after)});
    const Result<void> written = metadata.compare_and_set(std::move(proposal), deadline);
    if (written) return after;
    if (written.error().code != Code::conflict) return std::unexpected(written.error());
  }
}

}  // namespace perdure::node
