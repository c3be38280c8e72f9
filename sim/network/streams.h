// sim/network/streams.h
//
// io::Streams and io::Names of one shard: handles on conduits.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/names.h"
#include "engine/io/streams.h"
#include "sim/world/shard.h"

namespace perdure::sim {

class SimStreams final : public io::Streams {
 public:
  explicit SimStreams(Shard& shard) : shard_(shard) {}
  Result<std::unique_ptr<io::Listener>> listen(std::string_view address) override;
  Result<std::unique_ptr<io::Stream>> connect(std::string_view address, Instant deadline) override;

 private:
  Shard& shard_;
};

class SimNames final : public io::Names {
 public:
  explicit SimNames(Shard& shard) : shard_(shard) {}
  Result<std::vector<std::string>> resolve(std::string_view host, Instant deadline) override;

 private:
  Shard& shard_;
};

}  // namespace perdure::sim
