// engine/processor/needs.h
//
// What a partition's leader needs of others, in its own words.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/wire/ids.h"

namespace perdure::processor {

// Who runs the handlers.  Called in the turn in which a record was applied; may propose,
// may not park.  What a record changed is told in its order, then applied().
class Handlers {
 public:
  virtual ~Handlers() = default;
  virtual void start(PartitionId, const wire::InvocationId&) = 0;  // again: no matter
  // Its journal grew by these frames, the first of which has this number.
  virtual void stored(const wire::InvocationId&, std::uint32_t first, std::string_view frames) = 0;
  virtual void stop(const wire::InvocationId&) = 0;  // it ended, suspended or was paused
  // A record that was proposed for this invocation came back, whatever became of it.
  virtual void applied(const wire::InvocationId&) = 0;
  virtual void drop_partition(PartitionId) = 0;  // this node leads it no longer
};

class Outbound {
 public:
  virtual ~Outbound() = default;
  // Parks until the record (without its stamp) is applied by that partition, which may be
  // the sender itself.  Called for one record a destination at a time; the same again
  // after an error.  Errors: any; invalid is kept and tried again, too.
  virtual Result<void> deliver(PartitionId to, const std::string& record) = 0;
};

}  // namespace perdure::processor
