#include "net/parts.h"

#include <utility>

#include "engine/http/http_over_streams.h"
#include "engine/io/trace.h"

namespace perdure::net {

// Our pool, in the words of the tables.
class Parts::OnPool : public rocks::Offload {
 public:
  explicit OnPool(net::Offload& offload) : offload_(offload) {}
  void run(std::move_only_function<void()> job) override { offload_.run(std::move(job)); }

 private:
  net::Offload& offload_;
};

Parts::Parts() = default;
Parts::~Parts() = default;

Factories Parts::factories() {
  return {
      .http = [](const ShardParts& shard) -> Result<std::unique_ptr<io::Http>> {
        return std::make_unique<http::HttpOverStreams>(shard.streams, shard.fibers, shard.clock,
                                                       shard.trace);
      },
      .tables = [this](const ShardParts& shard) { return tables(shard); },
  };
}

Result<std::unique_ptr<io::Tables>> Parts::tables(const ShardParts& shard) {
  if (database_ == nullptr) {
    TRY(opened, rocks::Database::open_or_begin_anew(
                    {.data_folder = shard.data_dir}, [&shard](const Error& why) {
                      shard.trace.event(io::Level::warn, "tables.dropped", {{"why", why.detail}});
                    }));
    database_ = std::move(opened);
  }
  offloads_.push_back(std::make_unique<OnPool>(shard.offload));
  return database_->front(*offloads_.back());
}

}  // namespace perdure::net
