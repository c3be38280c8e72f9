// sdk/surroundings.h
//
// What handlers are served with: the parts of a world that this room asks for, and who
// looks on.  A real process (sdk/serve) and a simulated host fill it in.
#pragma once

#include <functional>
#include <string_view>

#include "engine/base/time.h"
#include "engine/io/clock.h"
#include "engine/io/fibers.h"
#include "engine/io/trace.h"

namespace perdure::sdk {

// Where closures run that block their thread.
class Workers {
 public:
  virtual ~Workers() = default;
  // Parks until `job` has run elsewhere.  No exception may leave it.
  virtual void run(std::function<void()> job) = 0;
};

// Who wants to know what handlers see: checks of a simulation, tests.
class Observer {
 public:
  virtual ~Observer() = default;
  // An attempt was given this journal: frames, in stored order, without the Start.
  virtual void replayed(std::string_view /*invocation*/, std::string_view /*frames*/) {}
  // The handler did not give the commands of the journal.
  virtual void mismatched(std::string_view /*invocation*/, std::string_view /*detail*/) {}
  // A run's closure was executed.
  virtual void ran(std::string_view /*invocation*/, std::string_view /*name*/) {}
  // The handler answered, and its End was sent.
  virtual void ended(std::string_view /*invocation*/) {}
};

struct Surroundings {
  io::Clock& clock;
  io::Fibers& fibers;
  io::Trace& trace;
  Workers* workers = nullptr;    // none: such closures run where they are
  Observer* observer = nullptr;  // nobody
  // A server that says nothing for so long is gone; its own patience is a minute.
  Duration silence_max = std::chrono::minutes(30);
};

}  // namespace perdure::sdk
