// sim/bucket/bucket.h
//
// The bucket of a universe, and io::Objects of one process over it.  A request that has
// left a process takes effect even when that process dies; an answer may say `failed`
// or come too late although the effect took place.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/objects.h"
#include "sim/world/shard.h"

namespace perdure::sim {

class Bucket {
 public:
  Result<std::string> put(Nanos now, std::string_view key, std::string bytes,
                          const io::PutIf& when);
  Result<io::Object> get(std::string_view key) const;
  std::vector<std::string> list(std::string_view prefix, Nanos as_of) const;  // keys older than
  void remove(std::string_view key);

  void out_until(Nanos t) { out_until_ = t; }
  bool out(Nanos now) const { return now < out_until_; }

 private:
  struct Stored {
    io::Object object;
    Nanos since;
  };
  std::map<std::string, Stored, std::less<>> objects_;
  std::uint64_t versions_ = 0;
  Nanos out_until_ = 0;
};

class SimObjects final : public io::Objects {
 public:
  explicit SimObjects(Shard& shard) : shard_(shard) {}

  Result<std::string> put(std::string_view key, std::string_view bytes, io::PutIf when,
                          Instant deadline) override;
  Result<io::Object> get(std::string_view key, Instant deadline) override;
  Result<std::vector<std::string>> list(std::string_view prefix, Instant deadline) override;
  Result<void> remove(std::string_view key, Instant deadline) override;

 private:
  template <class T>
  Result<T> request(std::uint64_t payload, Instant deadline,
                    std::move_only_function<Result<T>(Bucket&, Nanos)> effect);

  Shard& shard_;
};

}  // namespace perdure::sim
