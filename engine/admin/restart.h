// engine/admin/restart.h
//
// A completed invocation begun again as another one, from its beginning or from somewhere
// in its journal: a value.  What has ended does not change, so nothing can come between
// the look at it and what is made of it here.
//
//     journal   Input  Run 1  RunCompletion 1  Sleep 2  Call 3,4  SleepCompletion 2  …
//     from = 0    ▲                                                only the input
//     from = 3    ▲      ▲          ▲             ▲                ▲  its completion, from behind
//     from = 4                                         ▲           refused: 3 and 4 never came
#pragma once

#include <string>
#include <variant>

#include "engine/admin/admin.h"
#include "engine/wire/command.h"

namespace perdure::admin {

struct Restart {
  wire::InvocationId id;
  std::uint64_t from = 0;  // the last entry that is taken along; they are counted from 0
  // Where it runs.  Absent: where it ran.
  const wire::Deployment* on = nullptr;
  bool on_given = false;          // `on` was asked for: null is then "there is no such one"
  wire::InvocationId as;          // the new one's id
  std::uint64_t random_seed = 0;  // a fresh one
};

std::variant<Refused, wire::Invoke> restarted(const Restart&, Past);

}  // namespace perdure::admin
