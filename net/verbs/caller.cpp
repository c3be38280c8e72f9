#include "net/verbs/caller.h"

#include "engine/http/http_over_streams.h"
#include "net/loop/loop.h"
#include "net/loop/offload.h"
#include "net/sockets/names.h"
#include "net/sockets/sockets.h"
#include "net/tls/node_streams.h"
#include "net/verbs/no_trace.h"

namespace perdure::net {
namespace {

Result<Answer> converse(io::Http& http, const std::string& address, io::Request request,
                        const std::string& body, Instant deadline) {
  const io::HttpTarget target = {
      .scheme = "http", .authority = address, .version = io::HttpVersion::http1};
  request.authority = address;
  if (!body.empty()) request.headers.push_back({"content-length", std::to_string(body.size())});
  TRY(call, http.call(target, std::move(request), deadline));
  if (!body.empty()) TRY_VOID(call->write(body, deadline));
  call->finish();
  TRY(head, call->response(deadline));
  Answer answer = {.status = head.status, .headers = std::move(head.headers), .body = {}};
  while (true) {
    TRY(piece, call->read(deadline));
    if (piece.empty()) return answer;
    answer.body += piece;
  }
}

}  // namespace

Result<Answer> call(const std::string& address, io::Request request, const std::string& body,
                    Duration within, const std::shared_ptr<const Credentials>& credentials) {
  Pool pool("names", 1);
  Result<Answer> answer = fail(Code::failed, "nothing was asked");
  {
    Loop loop;
    Offload offload(loop, pool);
    SystemNames names(offload);
    Ports ports;
    SocketStreams sockets(loop, names, ports);
    NodeStreams streams(loop, sockets, credentials);
    NoTrace trace;
    http::HttpOverStreams http(streams, loop.scheduler, loop.clock, trace);
    loop.scheduler.spawn_root("call", [&] {
      answer = converse(http, address, std::move(request), body, loop.clock.steady() + within);
      http.stop();
      loop.stop();
    });
    loop.run();
    pool.stop();  // before what its jobs write into
    loop.scheduler.kill_all();
  }
  return answer;
}

}  // namespace perdure::net
