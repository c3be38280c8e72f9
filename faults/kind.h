// faults/kind.h
//
// Names of the kinds of fault.  Each is one file in the folder of its layer; what they
// are is listed in catalogue.cpp, in this order.
#pragma once

#include <cstdint>
#include <string_view>

namespace perdure::faults {

enum class Kind : std::uint8_t {
  // as weather
  slow_network,
  network_tail,
  split,
  connection_reset,
  frame_loss,
  names_error,
  slow_steps,
  slow_storage,
  sync_error,
  io_error,
  bucket_error,
  bucket_lag,
  clock_drift,
  clock_offset,
  code_sites,
  // as misfortunes
  process_crash,
  power_loss,
  crash_at_mark,
  crash_loop,
  blackout,
  pause,
  slow_process,
  cut,
  partition,
  bridge,
  swizzle,
  flap,
  slow_link,
  reset_connections,
  slow_disk,
  disk_stall,
  disk_full,
  sync_errors,
  read_errors,
  write_errors,
  bit_rot,
  wipe_disk,
  clock_step,
  clock_wobble,
  bucket_outage,
  sigterm,
  rolling_restart,
};

// How bad a run gets; scales the upper end of every range.
enum class Profile { calm, mild, rough, hostile };
std::string_view name_of(Profile);

}  // namespace perdure::faults
