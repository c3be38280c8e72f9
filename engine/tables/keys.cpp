#include "engine/tables/keys.h"

#include <algorithm>

#include "engine/base/bytes.h"

namespace perdure::tables {
namespace {

constexpr std::uint32_t tail_chunk = UINT32_MAX;
constexpr std::int64_t bucket_ms = 3'600'000;

Key of(Kind kind) { return Key().be(static_cast<std::uint8_t>(kind)); }

std::uint64_t millis(WallTime time) {  // times before 1970 count as 1970
  const auto count = time.time_since_epoch().count();
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

WallTime from_millis(std::uint64_t ms) {
  return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
}

Key of_object(Kind kind, const ObjectName& object) {
  return of(kind).be(object.partition_key).text(object.service).text(object.key);
}

wire::InvocationId id_at(std::string_view key, std::size_t at) {
  return {.partition_key = get_be<std::uint64_t>(key.substr(at)),
          .uuid = {.high = get_be<std::uint64_t>(key.substr(at + 8)),
                   .low = get_be<std::uint64_t>(key.substr(at + 16))}};
}

}  // namespace

Bucket bucket_of(WallTime kept_until) {
  const std::int64_t hour = kept_until.time_since_epoch().count() / bucket_ms;
  return static_cast<Bucket>(std::clamp<std::int64_t>(hour, 0, UINT32_MAX - 1));
}

WallTime end_of(Bucket bucket) {
  return WallTime(std::chrono::milliseconds((std::int64_t{bucket} + 1) * bucket_ms));
}

ObjectName object_of(const wire::InvocationId& id, const wire::Target& target) {
  return {.partition_key = id.partition_key, .service = target.service, .key = target.key};
}

Key partition_row_key() { return of(Kind::partition); }
Key source_key(PartitionId partition) { return of(Kind::source).be(partition.raw()); }
Key request_key(WallTime first_attempt, wire::Uuid id) {
  return of(Kind::request).be(millis(first_attempt)).be(id.high).be(id.low);
}
Key live_key(const wire::InvocationId& id) { return of(Kind::live).id(id); }
Key ended_key(const wire::InvocationId& id) { return of(Kind::ended).id(id); }
Key journal_tail_key(const wire::InvocationId& id) { return journal_chunk_key(id, tail_chunk); }
Key journal_chunk_key(const wire::InvocationId& id, std::uint32_t chunk) {
  return of(Kind::journal).id(id).be(chunk);
}
Key lock_key(const ObjectName& object) { return of_object(Kind::lock, object); }
Key state_key(const ObjectName& object, std::string_view state_key) {
  return of_object(Kind::state, object).append(state_key);
}
Key promise_key(const ObjectName& object, std::string_view name) {
  return of_object(Kind::promise, object).append(name);
}
Key outbox_key(std::uint64_t seq) { return of(Kind::outbox).be(seq); }
Key timer_key(const Timer& timer) {
  return of(Kind::timer)
      .be(millis(timer.due))
      .be(static_cast<std::uint8_t>(timer.kind))
      .id(timer.id)
      .be(timer.completion_id);
}
Key completed_key(Bucket bucket, const wire::InvocationId& id) {
  return of(Kind::completed).be(bucket).id(id);
}
Key kept_key(Bucket bucket, const wire::InvocationId& id) {
  return of(Kind::kept).be(bucket).id(id);
}
Key long_kept_key(Bucket bucket, const wire::InvocationId& id) {
  return of(Kind::long_kept).be(bucket).id(id);
}

KeyRange all_of(Kind kind) { return range_of_prefix(of(kind)); }
KeyRange requests_before(WallTime time) {
  return {.from = of(Kind::request).str(), .to = of(Kind::request).be(millis(time)).str()};
}
KeyRange journal_range(const wire::InvocationId& id) {
  return range_of_prefix(of(Kind::journal).id(id));
}
KeyRange state_range(const ObjectName& object) {
  return range_of_prefix(of_object(Kind::state, object));
}
KeyRange promise_range(const ObjectName& object) {
  return range_of_prefix(of_object(Kind::promise, object));
}
KeyRange bucket_range(Kind kind, Bucket bucket) { return range_of_prefix(of(kind).be(bucket)); }
KeyRange buckets_through(Kind kind, Bucket bucket) {
  return {.from = of(kind).str(), .to = of(kind).be(bucket + 1).str()};
}

wire::InvocationId id_in_live(std::string_view key) { return id_at(key, 1); }
std::uint64_t seq_in_outbox(std::string_view key) { return get_be<std::uint64_t>(key.substr(1)); }
Timer timer_in(std::string_view key) {
  return {.due = from_millis(get_be<std::uint64_t>(key.substr(1))),
          .kind = static_cast<wire::TimerKind>(key[9]),
          .id = id_at(key, 10),
          .completion_id = get_be<std::uint32_t>(key.substr(34))};
}
InBucket in_bucket(std::string_view key) {
  return {.bucket = get_be<std::uint32_t>(key.substr(1)), .id = id_at(key, 5)};
}
std::string_view state_key_in(std::string_view key, const ObjectName& object) {
  return key.substr(1 + 8 + 4 + object.service.size() + 4 + object.key.size());
}

}  // namespace perdure::tables
