// engine/wal/recovery.h
//
// Finds again what the stream holds, and where it ends.
//
//     [ frame | frame | frame | ? ...                            the rest of a segment
//                              ^ the first that does not verify
//
// What does not verify is one of three things.  A later frame that verifies tells, by the
// position that was known durable when it was written (one batch is written at a time):
//
//     no frame behind it                     the end of what was written
//     frames behind it, none knew it durable a torn tail: the last batch came to disk in
//                                            part, and nobody was told that it had
//     a frame behind it knew it durable      rot.  It may have been acknowledged: never
//                                            taken as the tail, always an error
//
// Then, before the first append: frames of a torn tail are zeroed, so that no later frame
// can make them reachable again; the last batch is written once more, because a sync that
// failed may have left it in the cache of a kernel that no longer means to write it; and
// all is synced.  A crash in between changes nothing: all of it is done again.
#pragma once

#include <cstdint>

#include "engine/base/result.h"
#include "engine/wal/frame.h"
#include "engine/wal/loglets.h"
#include "engine/wal/segments.h"

namespace perdure::wal {

struct Recovered {
  Position head;  // where the next batch begins; all before it is durable
  std::uint64_t frames = 0;
  std::uint64_t zeroed_bytes = 0;  // of a torn tail
};

// `segments` is loaded and holds one at least; which are in use is set here.  Parks.
// Errors: corrupt, naming the place; invalid, a newer program wrote it; failed.
Result<Recovered> recover(Segments& segments, Loglets& loglets, std::uint64_t stream_id);

}  // namespace perdure::wal
