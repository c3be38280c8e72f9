// engine/control/metadata_state.h
//
// The objects and the rules of metadata.h as a value: a change is decided here, written
// to a log by somebody else, and then applied here.  Log entries are of two kinds:
//
//     proposal   the writes, already decided
//     snapshot   everything; what came before may be forgotten
//
// Invariant: applying the entries from the last snapshot on, or all from the beginning,
// gives the same state.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/control/metadata.h"

namespace perdure::control {

struct MetadataLimits {
  std::size_t value_bytes = 8 << 20;
  std::size_t all_bytes = 16 << 20;  // keys and values together
  std::size_t key_bytes = 256;
};

class MetadataState {
 public:
  enum class Verdict { write, happened };  // happened: this very proposal, before

  Versioned get(std::string_view key) const;
  // Errors: conflict, naming the key; invalid; full.
  Result<Verdict> check(const Proposal&, const MetadataLimits&) const;

  // Decides a proposal where it stands in a log that several write to: every replica comes
  // to the same end.  Errors: conflict, and nothing has changed; corrupt, also when it is of
  // a kind that this program does not know: then no replica of it may go on.
  Result<void> decide(std::string_view entry);

  // Log entries.
  static std::string entry_of(const Proposal&);
  std::string snapshot() const;
  // Error: corrupt.  Nothing has changed then.
  Result<void> apply(std::string_view entry);

  std::size_t bytes() const { return bytes_; }  // of keys and values
  friend bool operator==(const MetadataState&, const MetadataState&) = default;

 private:
  std::map<std::string, Versioned, std::less<>> objects_;
  std::vector<wire::Uuid> happened_;  // the latest proposals, oldest first
  std::size_t bytes_ = 0;
};

}  // namespace perdure::control
