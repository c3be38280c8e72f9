#include "engine/admin/admin.h"

#include <charconv>

#include "engine/admin/routes.h"
#include "engine/admin/text.h"
#include "engine/base/match.h"
#include "engine/io/fibers.h"
#include "engine/io/trace.h"

namespace perdure::admin {
namespace {

struct Counted {
  std::size_t& count;
  explicit Counted(std::size_t& requests) : count(requests) { ++count; }
  ~Counted() { --count; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
};

bool announces_more_than(std::size_t bytes_max, const io::Request& request) {
  const std::string* length = io::find_header(request.headers, "content-length");
  std::size_t announced = 0;
  if (length) std::from_chars(length->data(), length->data() + length->size(), announced);
  return announced > bytes_max;
}

Reply too_large() { return plain(413, "length limit exceeded"); }

// Reads the body into `call`; the reply to give instead, when there is one to give.
Result<MaybeReply> read_body(io::Exchange& exchange, Call& call) {
  for (;;) {
    const Instant deadline = call.needs.fibers.now() + call.options.body_silence_max;
    TRY(piece, exchange.read(deadline));
    if (piece.empty()) return MaybeReply();
    if (call.body.size() + piece.size() > call.options.body_bytes_max)
      return MaybeReply(too_large());
    call.body += piece;
  }
}

MaybeReply answer(io::Exchange& exchange, const Needs& needs, const Options& options, Found found,
                  std::string_view query) {
  Call call{.needs = needs,
            .options = options,
            .request = exchange.request(),
            .parameters = std::move(found.parameters),
            .query = std::string(query),
            .api_version = found.api_version};
  const Result<MaybeReply> instead = read_body(exchange, call);
  if (!instead) return std::nullopt;
  if (*instead) return **instead;
  return found.row->function(call);
}

}  // namespace

Instant Call::deadline() const { return needs.fibers.now() + options.give_up_after; }

void Admin::serve(io::Exchange& exchange) {
  const Counted counted(requests_);
  const io::Request& request = exchange.request();
  const std::string_view target = request.target;
  const std::size_t mark = std::min(target.find('?'), target.size());
  const std::string_view query = target.substr(std::min(mark + 1, target.size()));

  MaybeReply reply;
  if (announces_more_than(options_.body_bytes_max, request)) {
    reply = too_large();
  } else if (requests_ > options_.requests_max) {
    needs_.trace.count("admin.requests.shed");
    reply = refused(429, "too many requests are being served, retry later");
  } else {
    reply = match(
        match_route(request.method, target.substr(0, mark)),
        [&](Found found) -> MaybeReply {
          return answer(exchange, needs_, options_, std::move(found), query);
        },
        [](NotFound) -> MaybeReply { return empty(404); },
        [](NotOffered not_here) -> MaybeReply {
          return refused(501, "This server does not have " + std::string(not_here.what) + ".");
        },
        [](WrongMethod wrong) -> MaybeReply {
          Reply not_allowed = empty(405);
          not_allowed.response.headers.push_back({.name = "allow", .value = wrong.allow});
          return not_allowed;
        },
        [](WrongVersion wrong) -> MaybeReply { return plain(400, wrong.message); });
  }
  if (!reply) return;
  if (request.method == "HEAD") reply->body.clear();
  exchange.respond(std::move(reply->response), std::move(reply->body));
}

}  // namespace perdure::admin
