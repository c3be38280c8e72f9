// Recovery of a stream that a stranger wrote.  The input is a list of frames, which get
// checks that hold, so that what is behind the checks is reached too; what is left over
// lands behind them as it is.
//
//     count of frames, then for each: kind, flags, loglet, 2 bytes offset, 2 bytes
//     since durable, length, bytes
//
// Whatever it is: recovery answers with a stream whose every record can be read, or with
// an error; and a second recovery agrees with the first.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "engine/base/check.h"
#include "engine/wal/wal.h"
#include "host/manual_loop.h"
#include "tests/support/crash_disk.h"
#include "tests/support/silent_trace.h"

namespace perdure::wal {
namespace {

constexpr std::uint64_t stream_id = 7;
constexpr std::uint32_t capacity = 8 << 10;

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), end_(data + size) {}
  std::uint64_t take(int bytes) {
    std::uint64_t value = 0;
    for (int i = 0; i < bytes && data_ != end_; ++i) value = value << 8 | *data_++;
    return value;
  }
  std::string take_bytes(std::size_t length) {
    length = std::min(length, static_cast<std::size_t>(end_ - data_));
    std::string bytes(reinterpret_cast<const char*>(data_), length);
    data_ += length;
    return bytes;
  }

 private:
  const std::uint8_t* data_;
  const std::uint8_t* end_;
};

std::string segment(Input& input, std::uint32_t number) {
  std::string bytes = encode_head({.number = number, .capacity = capacity, .stream_id = stream_id});
  for (std::uint64_t frames = input.take(1); frames > 0; --frames) {
    Header header;
    header.kind = static_cast<Kind>(input.take(1));
    header.flags = static_cast<std::uint8_t>(input.take(1));
    header.loglet = LogletId(input.take(1));
    const std::uint64_t offset = input.take(2);
    header.offset = Offset(offset >= 0xFFF0 ? UINT64_MAX - (0xFFFF - offset) : offset);
    header.since_durable = static_cast<std::uint32_t>(input.take(2));
    const std::string payload = input.take_bytes(input.take(1));
    const std::uint32_t size = frame_bytes(static_cast<std::uint32_t>(payload.size()));
    if (bytes.size() + size > capacity) break;
    std::string frame(size, '\0');
    auto* const into = reinterpret_cast<std::byte*>(frame.data());
    put_frame(into, header, payload);
    put_checks(into,
               seed_at(stream_id, position_of(number, static_cast<std::uint32_t>(bytes.size()))));
    bytes += frame;
    if ((header.flags & last_of_batch) != 0) {
      bytes.resize(
          std::min(round_up(static_cast<std::uint32_t>(bytes.size()), sector_bytes), capacity));
    }
  }
  return bytes;
}

// The states of all loglets; nothing when it was refused.
std::optional<std::vector<LogletState>> recovered(tests::CrashDisk& disk) {
  host::ManualLoop loop;
  disk.run_on(loop.fibers);
  tests::SilentTrace trace;
  std::unique_ptr<Wal> wal;
  std::optional<std::vector<LogletState>> states;
  loop.run([&] {
    auto opened = Wal::open(disk, loop.fibers, trace,
                            {.folder = "wal",
                             .stream_id = stream_id,
                             .segment_bytes = capacity,
                             .first_segment_bytes = capacity,
                             .batch_bytes_max = 1024,
                             .memory_bytes = 1024,
                             .read_window_bytes = 512,
                             .read_windows = 1});
    if (!opened) return;
    wal = std::move(*opened);
    wal->check_invariants();
    states = wal->loglets();
    for (const LogletState& state : *states) {
      if (state.last == Offset(0) || state.last - state.trim_point > 100) continue;
      for (Offset at = state.trim_point.next(); at <= state.last; at = at.next()) {
        const auto read = wal->read(state.loglet, at, at, 1);
        CHECK(read.has_value() || read.error().code == Code::not_found);
      }
    }
  });
  loop.scheduler.kill_all();
  return states;
}

}  // namespace
}  // namespace perdure::wal

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace perdure::wal;
  perdure::host::ManualLoop unused;
  tests::CrashDisk disk(unused.fibers, 1);
  Input input(data, size);
  const bool two = input.take(1) % 2 == 1;
  std::string first = segment(input, 1);
  std::string second = two ? segment(input, 2) : "";
  std::string& last = two ? second : first;
  last += input.take_bytes(capacity - std::min<std::size_t>(capacity, last.size()));
  first.resize(capacity);
  disk.put("wal/00000001.segment", first);
  if (two) {
    second.resize(capacity);
    disk.put("wal/00000002.segment", second);
  }
  const auto once = recovered(disk);
  const auto twice = recovered(disk);
  if (once != twice) std::abort();
  return 0;
}
