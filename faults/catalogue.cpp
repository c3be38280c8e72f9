#include "faults/catalogue.h"

#include <array>

namespace perdure::faults {

namespace {

constexpr std::array entries = {
    Entry{Kind::slow_network, "slow_network", "Links take milliseconds instead of microseconds.",
          false, 0},
    Entry{Kind::network_tail, "network_tail",
          "One message in a thousand takes a hundred times as long.", false, 0},
    Entry{Kind::split, "split", "Reads and writes are cut short, down to one byte.", false, 0},
    Entry{Kind::connection_reset, "connection_reset", "Connections break at any piece of data.",
          false, 0},
    Entry{Kind::frame_loss, "frame_loss", "The connection between two nodes ends and loses frames.",
          false, 0},
    Entry{Kind::slow_steps, "slow_steps", "The processor is slow: queues build up.", false, 0},
    Entry{Kind::slow_storage, "slow_storage", "Reads, writes and syncs take long.", false, 0},
    Entry{Kind::sync_error, "sync_error", "A sync fails now and then; its bytes are in doubt.",
          false, 0},
    Entry{Kind::io_error, "io_error", "Reads and writes fail now and then.", false, 0},
    Entry{Kind::bucket_error, "bucket_error", "The bucket fails, before or after the effect.",
          false, 0},
    Entry{Kind::clock_drift, "clock_drift", "Clocks run at different rates.", false, 0},
    Entry{Kind::clock_offset, "clock_offset", "Wall clocks are wrong by seconds.", false, 0},
    Entry{Kind::names_error, "names_error", "Name resolution fails now and then.", false, 0},
    Entry{Kind::process_crash, "process_crash", "The process dies; written bytes stay.", true, 6},
    Entry{Kind::power_loss, "power_loss", "The machine dies; unsynced bytes are torn or lost.",
          true, 6},
    Entry{Kind::pause, "pause", "The process is not scheduled for a while.", true, 3},
    Entry{Kind::slow_process, "slow_process", "The process runs many times slower for a while.",
          true, 2},
    Entry{Kind::cut, "cut", "Nothing passes between two hosts, one way or both.", true, 2},
    Entry{Kind::slow_link, "slow_link", "A link is many times slower for a while.", true, 2},
    Entry{Kind::reset_connections, "reset_connections", "All connections of two hosts break.", true,
          4},
    Entry{Kind::slow_disk, "slow_disk", "A disk is many times slower for a while.", true, 2},
    Entry{Kind::disk_full, "disk_full", "A disk has no room for a while.", true, 1},
    Entry{Kind::sync_errors, "sync_errors", "The next syncs fail.", true, 3},
    Entry{Kind::read_errors, "read_errors", "The next reads fail.", true, 1},
    Entry{Kind::clock_step, "clock_step", "A wall clock jumps, either way.", true, 3},
    Entry{Kind::bucket_outage, "bucket_outage", "The bucket is gone for a while.", true, 1},
};

}  // namespace

std::string_view name_of(Profile profile) {
  switch (profile) {
    case Profile::calm: return "calm";
    case Profile::mild: return "mild";
    case Profile::rough: return "rough";
    case Profile::hostile: return "hostile";
  }
  return "?";
}

std::span<const Entry> catalogue() { return entries; }

const Entry* find(std::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace perdure::faults
