// engine/processor/state_version.h
//
// A name for the whole state of an object, as the `restate` CLI computes it from what
// it has read: a patch that names another version than the present one is dropped.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace perdure::processor {

// base64url( sha256( for the i-th entry by key:  i u64 ‖ 01 ‖ key ‖ 02 ‖ value ‖ 03 ) )
std::string state_version(const std::vector<std::pair<std::string, std::string>>& sorted);

}  // namespace perdure::processor
