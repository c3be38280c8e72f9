// faults/kinds_of_weather.h
//
// The kinds of fault that a run has all the time, in the order of Kind.
#pragma once

#include <tuple>

#include "faults/bucket/bucket_error.h"
#include "faults/bucket/bucket_lag.h"
#include "faults/clock/clock_drift.h"
#include "faults/clock/clock_offset.h"
#include "faults/disk/io_error.h"
#include "faults/disk/slow_storage.h"
#include "faults/disk/sync_error.h"
#include "faults/network/connection_reset.h"
#include "faults/network/frame_loss.h"
#include "faults/network/names_error.h"
#include "faults/network/network_tail.h"
#include "faults/network/slow_network.h"
#include "faults/network/split.h"
#include "faults/process/code_sites.h"
#include "faults/process/slow_steps.h"

namespace perdure::faults {

using KindsOfWeather = std::tuple<SlowNetwork, NetworkTail, Split, ConnectionReset, FrameLoss,
                                  NamesError, SlowSteps, SlowStorage, SyncError, IoError,
                                  BucketError, BucketLag, ClockDrift, ClockOffset, CodeSites>;

}  // namespace perdure::faults
