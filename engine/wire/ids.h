// engine/wire/ids.h
//
// Names that clients see, byte for byte as Restate 1.7 forms them: users keep them in
// their own databases, so they are for ever.
//
//   invocation   inv_1 + b62(partition key, 11) + b62(uuid, 22)     24 raw bytes
//   deployment   dp_1  + b62(ulid, 22)                              16 raw bytes
//   awakeable    sign_1 + base64url(invocation id ‖ u32 signal)     prom_1 is the old form
//
// The base-62 digits are of the bytes read as a *little-endian* number: a quirk of the
// original that is part of the format.  Raw forms are big-endian, so that byte order is
// number order and every table key of one partition key lies together.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/time.h"

namespace perdure::wire {

struct Uuid {  // 128 bits; an ULID (time ‖ chance) or the front of a SHA-256
  std::uint64_t high = 0, low = 0;
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

struct InvocationId {
  std::uint64_t partition_key = 0;
  Uuid uuid;

  std::string bytes() const;                                 // 24
  static Result<InvocationId> from_bytes(std::string_view);  // invalid
  std::string text() const;                                  // inv_1…
  static Result<InvocationId> from_text(std::string_view);   // invalid, and says why
  friend auto operator<=>(const InvocationId&, const InvocationId&) = default;
};

struct DeploymentId {
  Uuid ulid;

  std::string bytes() const;  // 16
  static Result<DeploymentId> from_bytes(std::string_view);
  std::string text() const;  // dp_1…
  static Result<DeploymentId> from_text(std::string_view);
  friend auto operator<=>(const DeploymentId&, const DeploymentId&) = default;
};

struct AwakeableId {
  InvocationId invocation;
  std::uint32_t signal = 0;

  std::string text() const;
  static Result<AwakeableId> from_text(std::string_view);  // sign_1… and prom_1…
  friend bool operator==(const AwakeableId&, const AwakeableId&) = default;
};

// ULID: 48 bits of milliseconds, then 80 bits of chance.
Uuid ulid(WallTime, std::uint64_t chance_high, std::uint64_t chance_low);
std::string ulid_text(Uuid);  // 26 characters of Crockford's base 32

// How an invocation gets its name.  All pure; the caller draws what chance there is.
Uuid workflow_uuid(std::string_view service, std::string_view key);
Uuid idempotent_uuid(std::string_view service, std::optional<std::string_view> key,
                     std::string_view handler, std::string_view idempotency_key);
std::uint64_t keyed_partition_key(std::string_view key);
inline constexpr std::uint64_t unkeyed_buckets = 512;
std::uint64_t unkeyed_partition_key(std::string_view service, std::uint64_t bucket);
std::uint64_t idempotent_bucket(std::string_view idempotency_key);

// n equal ranges of the 64-bit space; partition i owns [start(i), start(i + 1)).
PartitionId partition_of(std::uint64_t partition_key, std::uint64_t partitions);
std::uint64_t partition_start(PartitionId, std::uint64_t partitions);

std::string base62(std::uint64_t big_endian);   // 11 characters
std::string base64url(std::string_view bytes);  // no padding
Result<std::string> base64url_decode(std::string_view text);

}  // namespace perdure::wire
