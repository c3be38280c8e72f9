// engine/ingress/names.h
//
// What an invocation is called before it exists.  The name decides the partition, makes
// a repeated submission harmless, and is how a second caller finds the first one's
// result; so it is computed from what the caller said, never from a counter.
//
//     workflow's run            the workflow's key: once a key
//     with an idempotency key   service, key, handler, idempotency key
//     without one               the same, with a drawn key: results of plain calls can be
//                               found again by their id, and a retry of ours finds its own
//     other workflow handlers   an ULID: nobody can ask for it twice
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/wire/ids.h"
#include "engine/wire/schema.h"

namespace perdure::ingress {

struct IdempotentCall {
  std::string_view service;
  std::optional<std::string_view> key;  // absent for plain services
  std::string_view handler;
  std::string_view idempotency_key;
  std::string_view scope = {};  // empty: none
};
wire::InvocationId idempotent_id(const IdempotentCall&);
wire::InvocationId workflow_id(std::string_view service, std::string_view key,
                               std::string_view scope = {});

// The chance and time a name may need; drawn once, so that a retry has the same.
struct Chance {
  WallTime at;
  std::uint64_t high = 0, low = 0;
};

struct Name {
  wire::InvocationId id;
  std::optional<std::string> idempotency_key;  // the caller's or the drawn one
};
Name name_invocation(const wire::Service&, const wire::Handler&, std::string_view key,
                     const std::string* idempotency_key, const Chance&);

// How long what it leaves is kept, after effective().
wire::Retention retention_of(const wire::EffectiveOptions&, wire::HandlerType, bool idempotent);

}  // namespace perdure::ingress
