#include "sim/bucket/bucket.h"

#include "engine/base/bytes.h"
#include "sim/world/host.h"
#include "sim/world/universe.h"

namespace perdure::sim {

Result<std::string> Bucket::put(Nanos now, std::string_view key, std::string bytes,
                                const io::PutIf& when) {
  const auto found = objects_.find(key);
  const bool there = found != objects_.end();
  using If = io::PutIf::Kind;
  if (when.kind == If::absent && there) return fail(Code::conflict, "object exists");
  if (when.kind == If::etag && (!there || found->second.object.etag != when.etag)) {
    return fail(Code::conflict, "object has another version");
  }
  const std::string etag = "v" + std::to_string(++versions_);
  const Nanos since = there ? found->second.since : now;
  objects_[std::string(key)] = {.object = {.bytes = std::move(bytes), .etag = etag},
                                .since = since};
  return etag;
}

Result<io::Object> Bucket::get(std::string_view key) const {
  const auto found = objects_.find(key);
  if (found == objects_.end()) return fail(Code::not_found, "no such object");
  return found->second.object;
}

std::vector<std::string> Bucket::list(std::string_view prefix, Nanos as_of) const {
  std::vector<std::string> keys;
  for (auto each = objects_.lower_bound(prefix);
       each != objects_.end() && each->first.starts_with(prefix); ++each) {
    if (each->second.since <= as_of) keys.push_back(each->first);
  }
  return keys;
}

void Bucket::remove(std::string_view key) {
  const auto found = objects_.find(key);
  if (found != objects_.end()) objects_.erase(found);
}

// One trip to the bucket and back.  What is borrowed by `effect` must be its own copy:
// the request goes on when the fiber or its process has gone.
template <class T>
Result<T> SimObjects::request(std::uint64_t payload, Instant deadline,
                              std::move_only_function<Result<T>(Bucket&, Nanos)> effect) {
  if (shard_.dead()) return fail(Code::cancelled, "the process is gone");
  if (!shard_.effect()) shard_.park_until_death();
  Universe& universe = shard_.universe();
  const faults::Weather& weather = universe.weather;
  Dice& dice = shard_.dice("bucket");
  const double before = weather.bucket_error_before, after = weather.bucket_error_after;
  auto error =
      universe.mishaps.befalls(faults::Kind::bucket_error, shard_.host().name(), before + after);
  const bool fails_before = error && error->chance(before / (before + after));
  const bool fails_after = error && !fails_before;
  const Nanos there = universe.latency(dice, weather.bucket) / 2;
  const Nanos back = universe.latency(dice, weather.bucket) / 2;

  struct Trip {
    std::optional<Result<T>> answer;
    bool arrived = false;
    bool abandoned = false;
  };
  const auto trip = std::make_shared<Trip>();
  const io::FiberId fiber = shard_.fibers().self();
  const Life life = shard_.life();
  universe.loop.after(there, Life(), Kind::objects, payload,
                      [trip, &universe, shard = &shard_, life, fiber, back, fails_before,
                       fails_after, effect = std::move(effect)]() mutable {
                        const Nanos now = universe.loop.now();
                        if (fails_before || universe.bucket().out(now)) {
                          trip->answer.emplace(fail(Code::failed, "bucket: service unavailable"));
                        } else {
                          trip->answer.emplace(effect(universe.bucket(), now));
                          if (fails_after)
                            trip->answer.emplace(fail(Code::failed, "bucket: connection reset"));
                        }
                        universe.loop.after(back, life, Kind::objects, 0, [trip, shard, fiber] {
                          shard->post([trip, shard, fiber] {
                            trip->arrived = true;
                            if (!trip->abandoned) shard->fibers().wake(fiber);
                          });
                        });
                      });
  while (!trip->arrived) {
    const io::Woken woken = shard_.fibers().park(deadline);
    if (trip->arrived || woken == io::Woken::by_waker) continue;
    trip->abandoned = true;
    if (woken == io::Woken::by_deadline) return fail(Code::timed_out, "bucket did not answer");
    return fail(Code::cancelled, "request was cancelled");
  }
  return std::move(*trip->answer);
}

Result<std::string> SimObjects::put(std::string_view key, std::string_view bytes, io::PutIf when,
                                    Instant deadline) {
  return request<std::string>(
      hash64(key, hash64(bytes)), deadline,
      [key = std::string(key), bytes = std::string(bytes), when](Bucket& bucket, Nanos now) {
        return bucket.put(now, key, bytes, when);
      });
}

Result<io::Object> SimObjects::get(std::string_view key, Instant deadline) {
  return request<io::Object>(
      hash64(key), deadline,
      [key = std::string(key)](Bucket& bucket, Nanos) { return bucket.get(key); });
}

Result<std::vector<std::string>> SimObjects::list(std::string_view prefix, Instant deadline) {
  const Nanos lag_max = nanos(shard_.universe().weather.bucket_list_lag);
  const Nanos lag = lag_max == 0 ? 0 : shard_.dice("bucket.lag").below(lag_max);
  return request<std::vector<std::string>>(
      hash64(prefix), deadline,
      [prefix = std::string(prefix), lag](Bucket& bucket,
                                          Nanos now) -> Result<std::vector<std::string>> {
        return bucket.list(prefix, now - std::min(now, lag));
      });
}

Result<void> SimObjects::remove(std::string_view key, Instant deadline) {
  return request<void>(hash64(key), deadline,
                       [key = std::string(key)](Bucket& bucket, Nanos) -> Result<void> {
                         bucket.remove(key);
                         return {};
                       });
}

}  // namespace perdure::sim
