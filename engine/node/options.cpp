#include "engine/node/options.h"

#include "engine/wal/wal.h"

namespace perdure::node {

namespace {

// What a record holds besides the body or message that it is about: headers, and what a
// handler said in the same breath.
constexpr std::uint64_t record_room = 4u << 20;

}  // namespace

Result<void> check_limits(const Options& options) {
  const std::uint64_t wanted = options.request_bytes_max + record_room;
  if (wanted <= wal::record_bytes_max_of(options.segment_bytes)) return {};
  const std::uint64_t mib = 1u << 20;
  const std::uint64_t least = (wanted * 8 / 5 + mib) / mib;
  return fail(Code::invalid, "requests of " + std::to_string(options.request_bytes_max) +
                                 " bytes need segments of " + std::to_string(least) +
                                 "MiB at least");
}

}  // namespace perdure::node
