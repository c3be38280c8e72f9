// sim/trace/story_file.h
//
// A story as bytes and back.  In protobuf's wire format, like all we store, from the
// field lists of engine/wire/codec.h:
//
//     "PDSTORY1"  length ‖ Head   length ‖ Piece   length ‖ Piece  …
//
// A piece carries up to piece_moments moments, each as the difference to the one before, and
// the texts that they are the first to use, so that a reader needs no more than one
// piece in memory.  A moment takes about twelve bytes.
//
// Files come from strangers too: a cut or twisted one is an error, never a crash.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "sim/trace/story.h"

namespace perdure::sim::trace {

std::string to_bytes(const Story& story);
Result<Story> from_bytes(std::string_view bytes);
bool is_story(std::string_view bytes);  // by its first bytes

Result<void> write_file(const std::string& path, std::string_view bytes);
Result<std::string> read_file(const std::string& path);

}  // namespace perdure::sim::trace
