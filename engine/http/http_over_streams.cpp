#include "engine/http/http_over_streams.h"

#include <string>
#include <utility>

#include "engine/http/pool.h"
#include "engine/http/server.h"

namespace perdure::http {

HttpOverStreams::HttpOverStreams(io::Streams& streams, io::Fibers& fibers, io::Clock& clock,
                                 io::Trace& trace, ClientLimits limits)
    : flushing_(fibers),
      flusher_(fibers, flushing_),
      context_{.streams = streams,
               .fibers = fibers,
               .clock = clock,
               .trace = trace,
               .flusher = flusher_,
               .date = date_},
      client_(new ClientContext{.limits = limits, .group = io::Group(fibers)}) {}

HttpOverStreams::~HttpOverStreams() = default;

Result<std::unique_ptr<io::HttpServer>> HttpOverStreams::serve(std::string_view address,
                                                               io::HttpLimits limits, Serve serve) {
  TRY(listener, context_.streams.listen(address));
  return std::make_unique<Server>(context_, std::move(listener), limits, std::move(serve));
}

Result<std::unique_ptr<io::HttpCall>> HttpOverStreams::call(const io::HttpTarget& target,
                                                            io::Request request, Instant deadline) {
  if (target.scheme != "http") return fail(Code::invalid, "no such scheme here: " + target.scheme);
  if (!is_target(target.authority)) return fail(Code::invalid, "bad authority");
  TRY_VOID(clean_request(request));
  auto [place, is_new] = pools_.try_emplace(target);
  if (is_new) place->second = std::make_unique<Pool>(context_, *client_, target);
  return place->second->call(std::move(request), deadline);
}

void HttpOverStreams::stop() {
  for (auto& [target, pool] : pools_) pool->say_goodbye();
  client_->group.stop();
  flushing_.stop();
  pools_.clear();
}

}  // namespace perdure::http
