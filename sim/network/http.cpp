#include "sim/network/http.h"

#include <algorithm>
#include <vector>

#include "engine/http/headers.h"
#include "sim/network/conduit.h"
#include "sim/network/network.h"
#include "sim/world/host.h"
#include "sim/world/universe.h"

namespace perdure::sim {

namespace {

constexpr std::size_t piece_bytes_max = 64 * 1024;

// A handle on one side of a conduit; nullptr once the process is gone.
class Handle {
 public:
  Handle(Shard& shard, ConduitId id, Side side) : shard_(shard), id_(id), side_(side) {}
  ~Handle() {
    if (Conduit* conduit = find()) {
      side_ == Side::acceptor ? conduit->leave(side_) : conduit->release(side_);
    }
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  Conduit* find() const {
    return shard_.dead() ? nullptr : shard_.universe().network().find_conduit(id_);
  }
  Result<std::string> read(Instant deadline) const {
    Conduit* conduit = find();
    if (conduit == nullptr) return fail(Code::cancelled, "the process is gone");
    return conduit->read(side_, piece_bytes_max, deadline);
  }
  Result<void> write(std::string_view bytes, Instant deadline) const {
    while (!bytes.empty()) {
      Conduit* conduit = find();
      if (conduit == nullptr) return fail(Code::cancelled, "the process is gone");
      TRY(count, conduit->write(side_, bytes, deadline));
      bytes.remove_prefix(count);
    }
    return {};
  }

 private:
  Shard& shard_;
  const ConduitId id_;
  const Side side_;
};

class SimExchange final : public io::Exchange {
 public:
  SimExchange(Shard& shard, ConduitId id)
      : handle_(shard, id, Side::acceptor),
        request_(handle_.find()->request()),
        version_(handle_.find()->version()),
        peer_(handle_.find()->peer(Side::acceptor)) {}
  ~SimExchange() override {
    if (!finished_) reset();
  }

  const io::Request& request() const override { return request_; }
  io::HttpVersion version() const override { return version_; }
  std::string peer() const override { return peer_; }
  Result<std::string> read(Instant deadline) override { return handle_.read(deadline); }
  void respond(io::Response response, std::string body) override {
    start(std::move(response));
    if (bodiless()) body.clear();
    if (Conduit* conduit = handle_.find()) conduit->write_all(Side::acceptor, body);
    finish();
  }
  void start(io::Response response) override {
    const bool answers_once = !started_;
    CHECK(answers_once);
    started_ = true;
    status_ = response.status;
    http::clean_response_headers(response.headers);
    if (Conduit* conduit = handle_.find()) conduit->send_head(std::move(response));
  }
  Result<void> write(std::string_view bytes, Instant deadline) override {
    if (bodiless()) return {};
    return handle_.write(bytes, deadline);
  }
  void finish() override {
    finished_ = true;
    if (Conduit* conduit = handle_.find()) conduit->finish(Side::acceptor);
  }
  void reset() override {
    finished_ = true;
    if (Conduit* conduit = handle_.find()) conduit->reset(Side::acceptor);
  }

 private:
  bool bodiless() const { return request_.method == "HEAD" || http::has_no_body(status_); }

  Handle handle_;
  const io::Request request_;
  const io::HttpVersion version_;
  const std::string peer_;
  int status_ = 0;
  bool started_ = false, finished_ = false;
};

class SimCall final : public io::HttpCall {
 public:
  SimCall(Shard& shard, ConduitId id) : handle_(shard, id, Side::opener) {}

  Result<void> write(std::string_view bytes, Instant deadline) override {
    return handle_.write(bytes, deadline);
  }
  void finish() override {
    if (Conduit* conduit = handle_.find()) conduit->finish(Side::opener);
  }
  Result<io::Response> response(Instant deadline) override {
    Conduit* conduit = handle_.find();
    if (conduit == nullptr) return fail(Code::cancelled, "the process is gone");
    return conduit->wait_head(deadline);
  }
  Result<std::string> read(Instant deadline) override { return handle_.read(deadline); }

 private:
  Handle handle_;
};

class SimHttpServer final : public io::HttpServer {
 public:
  SimHttpServer(Shard& shard, io::HttpLimits limits, io::Http::Serve serve)
      : shard_(shard),
        limits_(limits),
        serve_(std::move(serve)),
        exchanges_(shard.fibers()),
        one_ended_(shard.fibers()) {}
  ~SimHttpServer() override { close(); }

  Result<void> open(std::string_view address) {
    TRY(listening,
        shard_.universe().network().listen(shard_, address, [this](ConduitId id) { accept(id); }));
    listening_ = listening;
    return {};
  }
  std::string address() const override { return listening_.address; }
  void stop(Instant deadline) override {
    close();
    while (exchanges_.size() > 0) {
      if (!one_ended_.wait(deadline)) break;
    }
    for (io::Exchange* exchange : live_) exchange->reset();
    exchanges_.stop();
  }

 private:
  void close() {
    if (!shard_.dead()) shard_.universe().network().stop_listening(listening_.id);
  }
  void accept(ConduitId id) {
    exchanges_.start("http.exchange", [this, id] { run(id); });
  }
  void run(ConduitId id) {
    if (shard_.universe().network().find_conduit(id) == nullptr) return;
    struct Membership {  // left also when the fiber is unwound
      SimHttpServer& server;
      SimExchange& exchange;
      ~Membership() {
        std::erase(server.live_, &exchange);
        server.one_ended_.notify_all();
      }
    };
    SimExchange exchange(shard_, id);
    live_.push_back(&exchange);
    const Membership membership = {*this, exchange};
    if (head_bytes(exchange.request()) > limits_.head_bytes) return exchange.respond({431, {}}, "");
    serve_(exchange);
  }
  static std::size_t head_bytes(const io::Request& request) {
    std::size_t bytes = request.method.size() + request.target.size();
    for (const io::Header& header : request.headers) {
      bytes += header.name.size() + header.value.size();
    }
    return bytes;
  }

  Shard& shard_;
  const io::HttpLimits limits_;
  const io::Http::Serve serve_;
  io::Group exchanges_;
  io::Event one_ended_;
  std::vector<io::Exchange*> live_;  // in the order of their coming
  Network::Listening listening_;
};

}  // namespace

Result<std::unique_ptr<io::HttpServer>> SimHttp::serve(std::string_view address,
                                                       io::HttpLimits limits, Serve serve) {
  auto server = std::make_unique<SimHttpServer>(shard_, limits, std::move(serve));
  TRY_VOID(server->open(address));
  return server;
}

Result<std::unique_ptr<io::HttpCall>> SimHttp::call(const io::HttpTarget& target,
                                                    io::Request request, Instant deadline) {
  if (shard_.dead()) return fail(Code::cancelled, "the process is gone");
  if (target.scheme != "http") return fail(Code::invalid, "scheme is not http");
  TRY_VOID(http::clean_request(request));
  if (request.authority.empty()) request.authority = target.authority;
  Network& network = shard_.universe().network();
  TRY(to, network.resolve(shard_.host(), target.authority));
  if (!shard_.effect()) shard_.park_until_death();
  Conduit& conduit = network.make_conduit(shard_, *to.host, to.port);
  auto call = std::make_unique<SimCall>(shard_, conduit.id());
  const auto pooled = pool_.find(target);
  const bool connected = pooled != pool_.end() && pooled->second == to.host->life();
  conduit.open(std::move(request), target.version, shard_.universe().weather.window_bytes);
  if (!connected) {
    TRY_VOID(conduit.wait_open(deadline));
    pool_[target] = to.host->life();
  }
  return call;
}

}  // namespace perdure::sim
