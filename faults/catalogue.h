// faults/catalogue.h
//
// Every kind of fault there is, with what it means to a user and how bad it gets.  The
// swarm draws from here and a scenario forbids by these names.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/base/time.h"

namespace perdure::faults {

enum class Profile { calm, mild, rough, hostile };
std::string_view name_of(Profile);

enum class Kind : std::uint8_t {
  // as weather
  slow_network,
  network_tail,
  split,
  connection_reset,
  frame_loss,
  slow_steps,
  slow_storage,
  sync_error,
  io_error,
  bucket_error,
  clock_drift,
  clock_offset,
  names_error,
  // as misfortunes
  process_crash,
  power_loss,
  pause,
  slow_process,
  cut,
  slow_link,
  reset_connections,
  slow_disk,
  disk_full,
  sync_errors,
  read_errors,
  clock_step,
  bucket_outage,
};

struct Entry {
  Kind kind;
  std::string_view name;   // in scenarios and reports
  std::string_view story;  // one sentence
  bool timed;              // a misfortune; else weather
  double per_minute;       // misfortunes of this kind, rough profile, one host or link
};

std::span<const Entry> catalogue();  // in the order of Kind
const Entry* find(std::string_view name);

}  // namespace perdure::faults
