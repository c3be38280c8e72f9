// engine/wire/json.h
//
// Strangers' JSON, bounded: how deep it may nest is checked while it is read, so that
// what walks the value later (dump, destructors) needs no deep stack.  The text's size
// is bounded by whoever read it off the wire.
//
// Only for .cpp files that talk to people and SDKs; nothing on the hot path is JSON.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace perdure::wire {

// Error: invalid, with the place ("line 1, column 7: ...").  A template so that this header
// names no library; there is one Json, nlohmann's, and json.cpp has it.
template <class Json>
Result<Json> json_from_text(std::string_view text, int depth_max = 64);

// Appends `text` quoted and escaped; bytes that are no UTF-8 become U+FFFD.
void append_json(std::string& out, std::string_view text);

// How many bytes at the front of `text` are whole, valid UTF-8.
std::size_t utf8_prefix(std::string_view text);
// The same text, with U+FFFD in place of each byte that is no UTF-8.
std::string utf8_text(std::string text);

}  // namespace perdure::wire
