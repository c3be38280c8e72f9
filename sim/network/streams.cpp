#include "sim/network/streams.h"

#include <cstring>
#include <deque>

#include "sim/network/conduit.h"
#include "sim/network/network.h"
#include "sim/world/host.h"
#include "sim/world/universe.h"

namespace perdure::sim {

namespace {

// A handle on one end of a conduit.  After the end of its process it does nothing.
class SimStream final : public io::Stream {
 public:
  SimStream(Shard& shard, ConduitId conduit, Side side)
      : shard_(shard), id_(conduit), side_(side), peer_(conduit_at()->peer(side)) {}
  ~SimStream() override {
    if (Conduit* conduit = conduit_at()) conduit->release(side_);
  }

  Result<std::size_t> read(std::span<std::byte> into, Instant deadline) override {
    Conduit* conduit = conduit_at();
    if (conduit == nullptr) return gone();
    TRY(bytes, conduit->read(side_, into.size(), deadline));
    std::memcpy(into.data(), bytes.data(), bytes.size());
    return bytes.size();
  }
  Result<std::size_t> write(std::span<const std::byte> bytes, Instant deadline) override {
    Conduit* conduit = conduit_at();
    if (conduit == nullptr) return gone();
    return conduit->write(side_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                          deadline);
  }
  void finish() override {
    if (Conduit* conduit = conduit_at()) conduit->finish(side_);
  }
  void reset() override {
    if (Conduit* conduit = conduit_at()) conduit->reset(side_);
  }
  bool arrived() const override {
    const Conduit* conduit = conduit_at();
    return conduit == nullptr || conduit->arrived(side_);
  }
  std::string peer() const override { return peer_; }

 private:
  static std::unexpected<Error> gone() { return fail(Code::cancelled, "the process is gone"); }
  Conduit* conduit_at() const {
    return shard_.dead() ? nullptr : shard_.universe().network().find_conduit(id_);
  }

  Shard& shard_;
  const ConduitId id_;
  const Side side_;
  const std::string peer_;
};

class SimListener final : public io::Listener {
 public:
  SimListener(Shard& shard) : shard_(shard), arrived_(shard.fibers()) {}
  ~SimListener() override {
    if (shard_.dead()) return;
    Network& network = shard_.universe().network();
    network.stop_listening(listening_.id);
    for (const ConduitId id : waiting_) {
      if (Conduit* conduit = network.find_conduit(id)) conduit->release(Side::acceptor);
    }
  }
  Result<void> open(std::string_view address) {
    TRY(listening, shard_.universe().network().listen(shard_, address, [this](ConduitId id) {
      waiting_.push_back(id);
      arrived_.notify_one();
    }));
    listening_ = listening;
    return {};
  }

  Result<std::unique_ptr<io::Stream>> accept(Instant deadline) override {
    while (true) {
      if (shard_.dead()) return fail(Code::cancelled, "the process is gone");
      while (!waiting_.empty()) {
        const ConduitId id = waiting_.front();
        waiting_.pop_front();
        if (shard_.universe().network().find_conduit(id) == nullptr) continue;
        return std::make_unique<SimStream>(shard_, id, Side::acceptor);
      }
      TRY_VOID(arrived_.wait(deadline));
    }
  }
  std::string address() const override { return listening_.address; }

 private:
  Shard& shard_;
  io::Event arrived_;
  std::deque<ConduitId> waiting_;
  Network::Listening listening_;
};

}  // namespace

Result<std::unique_ptr<io::Listener>> SimStreams::listen(std::string_view address) {
  auto listener = std::make_unique<SimListener>(shard_);
  TRY_VOID(listener->open(address));
  return listener;
}

Result<std::unique_ptr<io::Stream>> SimStreams::connect(std::string_view address,
                                                        Instant deadline) {
  if (shard_.dead()) return fail(Code::cancelled, "the process is gone");
  Network& network = shard_.universe().network();
  TRY(to, network.resolve(shard_.host(), address));
  if (!shard_.effect()) shard_.park_until_death();
  Conduit& conduit = network.make_conduit(shard_, *to.host, to.port);
  auto stream = std::make_unique<SimStream>(shard_, conduit.id(), Side::opener);
  conduit.open(shard_.universe().weather.window_bytes);
  TRY_VOID(conduit.wait_open(deadline));
  return stream;
}

Result<std::vector<std::string>> SimNames::resolve(std::string_view host, Instant deadline) {
  Universe& universe = shard_.universe();
  Dice& dice = shard_.dice("names");
  const Nanos latency = universe.latency(dice, universe.weather.names);
  const Instant answer = shard_.fibers().now() + std::chrono::nanoseconds(latency);
  TRY_VOID(shard_.fibers().sleep_until(std::min(answer, deadline)));
  if (answer > deadline) return fail(Code::timed_out, "name server did not answer");
  if (universe.mishaps.befalls(faults::Kind::names_error, shard_.host().name(),
                               universe.weather.names_error)) {
    return fail(Code::not_found, "name server failed");
  }
  if (host == "localhost" || host == "127.0.0.1") return std::vector<std::string>{"127.0.0.1"};
  Host* found = universe.find_host(host);
  if (found == nullptr) found = universe.network().find_ip(host);
  if (found == nullptr) return fail(Code::not_found, "no such host: " + std::string(host));
  return std::vector<std::string>{found->ip()};
}

}  // namespace perdure::sim
