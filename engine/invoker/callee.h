// engine/invoker/callee.h
//
// Whom a ctx.call or ctx.send means, and how that invocation is named.
//
//     target                        partition key                uuid
//     workflow's run                hash of the key              of (service, key): once
//     with idempotency key, keyed   hash of the key              of the idempotency key
//                           plain   bucket of the idempotency key     "
//     keyed                         hash of the key              new
//     plain, call                   the caller's own             new
//     plain, send                   a random bucket              new
//
// A plain call stays with its caller: both are in one partition, so call and answer
// cross no border (docs/decisions/local-callee.md).
#pragma once

#include <expected>

#include "engine/invoker/failure.h"
#include "engine/io/random.h"
#include "engine/wire/command.h"
#include "engine/wire/schema.h"

namespace perdure::invoker {

// What a handler's step is judged by, besides the conversation itself.
struct Surroundings {
  const wire::Schema& schema;
  const wire::EffectiveOptions& defaults;  // the server's own settings
  WallTime now;
  io::Random& random;
};

struct CallRequest {
  std::string_view service, handler, key;
  const std::optional<std::string>* idempotency_key = nullptr;
  bool answered = true;  // false: a send
};

// Errors: RT0018 (no such service or handler), RT0017 (key or idempotency key do not
// fit), RT0020 (its deployment is too old to be called).
std::expected<wire::Callee, AttemptFailure> resolve_callee(const wire::InvocationId& caller,
                                                           const CallRequest&, const Surroundings&);

// Which target a service's handler has.
wire::Target target_of(const wire::Service&, const wire::Handler&, std::string_view key);

// How long what is left of an invocation is kept.
wire::Retention retention_of(const wire::Target&, const wire::EffectiveOptions&, bool idempotent);

}  // namespace perdure::invoker
