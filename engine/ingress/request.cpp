#include "engine/ingress/request.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "engine/base/match.h"
#include "engine/ingress/input_rules.h"
#include "engine/ingress/names.h"
#include "engine/ingress/target_body.h"
#include "engine/io/clock.h"
#include "engine/io/fibers.h"
#include "engine/io/random.h"
#include "engine/io/trace.h"
#include "engine/wire/command.h"
#include "engine/wire/id_text.h"
#include "engine/wire/json.h"
#include "engine/wire/time_text.h"

namespace perdure::ingress {
namespace {

constexpr std::string_view idempotency_key_header = "idempotency-key";

Refusal bad(std::string message) { return {.status = 400, .message = std::move(message)}; }

// Not told to the handler: they concern only this hop, or us.
bool is_ours(std::string_view name) {
  return name == "connection" || name == "host" || name == idempotency_key_header ||
         name == "idempotency-expires";
}

bool is_visible_ascii(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return c == '\t' || (c >= ' ' && c <= '~'); });
}
Refusal bad_header(std::string_view name) {
  return bad("bad header " + std::string(name) + ": its value is not visible ASCII");
}

// The first value of each name, after the path; an error names what cannot be forwarded.
std::variant<Refusal, std::vector<wire::KeyValue>> forwarded(const io::Headers& headers,
                                                             std::string ingress_path) {
  std::vector<wire::KeyValue> out;
  out.reserve(headers.size() + 1);
  out.push_back({.key = "x-restate-ingress-path", .value = std::move(ingress_path)});
  constexpr std::size_t few = 64;  // beyond, looking through the list would take too long
  std::set<std::string_view> seen;
  for (const io::Header& header : headers) {
    if (is_ours(header.name)) continue;
    if (headers.size() > few) {
      if (!seen.insert(header.name).second) continue;
    } else if (std::ranges::find(out, header.name, &wire::KeyValue::key) != out.end()) {
      continue;
    }
    if (!is_visible_ascii(header.value)) return bad_header(header.name);
    out.push_back({.key = header.name, .value = header.value});
  }
  return out;
}

std::string ingress_path(const RequestTarget& target) {
  std::string path(target.path);
  if (target.query) path.append("?").append(*target.query);
  return path;
}

bool is_worth_retrying(Code code) {
  return code == Code::retry_later || code == Code::retry_elsewhere || code == Code::fenced ||
         code == Code::full || code == Code::timed_out || code == Code::failed;
}
// After these nothing of the submission can be in the log.
bool is_surely_refused(Code code) {
  return code == Code::retry_later || code == Code::retry_elsewhere || code == Code::full;
}

std::unexpected<Error> unknown_outcome() {
  return fail(Code::retry_later,
              "the partition is not available: the request may have been accepted, retry it only "
              "if it is idempotent");
}

Reply unavailable(const Error& error) { return refused({.status = 503, .message = error.detail}); }

}  // namespace

namespace {

// Counts a request for as long as it is served.
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

}  // namespace

void Ingress::serve(io::Exchange& exchange) {
  const Counted counted(requests_);
  if (announces_more_than(options_.body_bytes_max, exchange.request())) {
    Reply reply = too_large();
    return exchange.respond(std::move(reply.response), std::move(reply.body));
  }
  const bool overloaded = requests_ > options_.requests_max;
  if (overloaded) needs_.trace.count("ingress.requests.shed");
  std::optional<Reply> reply =
      overloaded
          ? refused({.status = 429, .message = "too many requests are being served, retry later"})
          : Request(needs_, options_, exchange).run();
  if (!reply) return;
  add_cors(exchange.request(), reply->response);
  exchange.respond(std::move(reply->response), std::move(reply->body));
}

Request::Request(const Needs& needs, const Options& options, io::Exchange& exchange)
    : needs_(needs),
      options_(options),
      exchange_(exchange),
      request_(exchange.request()),
      target_(split_target(request_.target)) {}

std::optional<Reply> Request::run() {
  if (request_.method == "OPTIONS") return preflight(request_);
  const Route route = route_of(request_.method, target_.path, needs_.schemas.current());
  return match(
      route, [&](const Refusal& refusal) -> MaybeReply { return refused(refusal); },
      [&](const route::Health&) -> MaybeReply { return health(needs_.schemas.current()); },
      [&](const route::Call& found) -> MaybeReply { return call(found); },
      [&](const route::Retrieve& found) -> MaybeReply { return retrieve(found.id, found.ask); },
      [&](const route::RetrieveByBody& found) -> MaybeReply { return retrieve_by_body(found.ask); },
      [&](const route::Awakeable& found) -> MaybeReply { return awakeable(found); });
}

// --- a call, or a send -----------------------------------------------------------------

std::optional<Reply> Request::call(const route::Call& found) {
  if (const auto refusal = check_head(found)) return refused(*refusal);
  auto read = read_body();
  if (auto* instead = std::get_if<MaybeReply>(&read)) return std::move(*instead);
  std::string& body = std::get<Body>(read).bytes;

  // We may have parked: look again.
  Route again = route_of(request_.method, target_.path, needs_.schemas.current());
  if (const auto* refusal = std::get_if<Refusal>(&again)) return refused(*refusal);
  auto* still = std::get_if<route::Call>(&again);
  CHECK(still);
  auto checked = invocation(std::move(*still), std::move(body));
  if (const auto* refusal = std::get_if<Refusal>(&checked)) return refused(*refusal);
  const Invocation& invocation = std::get<Invocation>(checked);

  Result<Admitted> admitted = submit(invocation.submission);
  if (!admitted && admitted.error().code == Code::cancelled) return std::nullopt;
  if (!admitted) return unavailable(admitted.error());
  if (invocation.send) {
    // When the one that was there already is due, we do not know.
    return sent({.id = invocation.id,
                 .fresh = admitted->fresh,
                 .due = admitted->fresh ? invocation.due : std::nullopt});
  }
  return result(invocation, std::move(*admitted));
}

std::optional<Reply> Request::result(const Invocation& invocation, Admitted admitted) {
  if (invocation.once && !admitted.fresh) {
    return failed(invocation.id, 409, "the workflow method was already invoked");
  }
  if (!admitted.answer) {
    Result<Answer> answer = await(invocation.id);
    if (!answer && answer.error().code == Code::cancelled) return std::nullopt;
    if (!answer) {
      return unavailable(
          {answer.error().code, "the invocation ended, but its result was not kept"});
    }
    admitted.answer = std::move(*answer);
  }
  if (admitted.fresh) admitted.answer->expires.reset();
  return answered(invocation.id, std::move(*admitted.answer), invocation.form);
}

// What can be refused before the body is read.
std::optional<Refusal> Request::check_head(const route::Call& found) const {
  const std::string* key = io::find_header(request_.headers, idempotency_key_header);
  if (key && !is_visible_ascii(*key)) return bad_header(idempotency_key_header);
  if (key && found.handler->type == wire::HandlerType::workflow) {
    return bad(
        "cannot use the idempotency key with workflow handlers. The handler invocation will "
        "already be "
        "idempotent by the workflow key itself.");
  }
  if (found.scope) {
    const std::string wrong = wrong_scope(*found.scope);
    return bad(wrong.empty() ? "scoped invocations require vqueues to be enabled"
                             : "bad scope value: " + wrong);
  }
  if (request_.method != "GET" && request_.method != "POST") {
    return Refusal{.status = 405, .message = "method not allowed"};
  }
  return std::nullopt;
}

std::optional<Refusal> Request::check_body(const route::Call& found,
                                           const std::string& body) const {
  const std::string* content_type = io::find_header(request_.headers, "content-type");
  if (content_type && !is_visible_ascii(*content_type)) return bad_header("content-type");
  const auto wrong = wrong_input(
      found.handler->input,
      content_type ? std::optional<std::string_view>(*content_type) : std::nullopt, body.empty());
  if (wrong) return bad("input validation error: " + *wrong);
  return std::nullopt;
}

std::optional<Refusal> Request::check_limit_key() const {
  const std::string* header = io::find_header(request_.headers, "x-restate-limit-key");
  std::optional<std::string> key;
  if (header) {
    key = *header;
  } else if (target_.query) {
    key = query_parameter(*target_.query, "limit-key");
  }
  if (!key || key->empty()) return std::nullopt;
  if (const std::string wrong = wrong_limit_key(*key); !wrong.empty()) {
    return bad("invalid limit-key: " + wrong);
  }
  return bad("limit-key requires a scope to be set");
}

std::variant<Refusal, std::optional<WallTime>> Request::due() const {
  if (!target_.query) return std::nullopt;
  const auto text = query_parameter(*target_.query, "delay");
  if (!text) return std::nullopt;
  const auto delay = wire::duration_from_text(*text);
  if (!delay) {
    return bad("bad delay query parameter, must be a ISO8601 duration: " + delay.error().detail);
  }
  const WallTime due = needs_.clock.wall() + *delay;
  if (due > wire::instant_text_max) {
    return bad(
        "bad delay query parameter, must be a ISO8601 duration: it ends after the year 9999");
  }
  return due;
}

std::variant<Refusal, Request::Invocation> Request::invocation(route::Call found,
                                                               std::string input) {
  if (const auto refusal = check_head(found)) return *refusal;
  if (const auto refusal = check_body(found, input)) return *refusal;
  auto headers = forwarded(request_.headers, ingress_path(target_));
  if (const auto* refusal = std::get_if<Refusal>(&headers)) return *refusal;
  const auto due_or_refusal = due();
  if (const auto* refusal = std::get_if<Refusal>(&due_or_refusal)) return *refusal;
  const auto& delayed_until = std::get<std::optional<WallTime>>(due_or_refusal);
  if (const auto refusal = check_limit_key()) return *refusal;
  if (delayed_until && !found.send) {
    return bad(
        "cannot use the delay query parameter with calls. The delay is supported only with sends");
  }

  const wire::Service& service = *found.service;
  const wire::Handler& handler = *found.handler;
  io::Random& random = needs_.random;
  Name name = name_invocation(service, handler, found.key,
                              io::find_header(request_.headers, idempotency_key_header),
                              {.at = needs_.clock.wall(),
                               .high = random.draw("ingress.name"),
                               .low = random.draw("ingress.name")});
  const std::string* traceparent = io::find_header(request_.headers, "traceparent");
  const bool once = handler.type == wire::HandlerType::workflow;
  Invocation invocation{.id = name.id,
                        .form = {.content_type = handler.output.content_type,
                                 .set_if_empty = handler.output.set_content_type_if_empty},
                        .due = delayed_until,
                        .send = found.send,
                        .once = once};
  wire::Record record;
  record.commands.resize(1);
  record.commands[0].body = wire::Invoke{
      .id = name.id,
      .target = {.service_type = service.type,
                 .handler_type = handler.type,
                 .service = service.name,
                 .key = std::move(found.key),
                 .handler = handler.name},
      .headers = std::move(std::get<std::vector<wire::KeyValue>>(headers)),
      .input = std::move(input),
      .due = invocation.due,
      .retention = retention_of(wire::effective(service, handler, options_.handler_defaults),
                                handler.type, name.idempotency_key.has_value()),
      .idempotency_key = std::move(name.idempotency_key),
      .random_seed = random.draw("ingress.seed"),
      .traceparent = traceparent ? *traceparent : std::string(),
  };
  invocation.submission = {.partition_key = name.id.partition_key,
                           .record = wire::encode(record),
                           .wait = found.send ? Wait::applied
                                   : once     ? Wait::answered_if_fresh
                                              : Wait::answered,
                           .invocation = name.id};
  return invocation;
}

// --- attach, output, lookup --------------------------------------------------------------

std::optional<Reply> Request::retrieve(const wire::InvocationId& id, Ask ask) {
  switch (ask) {
    case Ask::attach: return attach(id);
    case Ask::output: return output(id);
    case Ask::lookup: return looked_up(id);
  }
  UNREACHABLE();
}

std::optional<Reply> Request::attach(const wire::InvocationId& id) {
  Result<Answer> answer = await(id);
  if (!answer && answer.error().code == Code::cancelled) return std::nullopt;
  if (!answer && answer.error().code == Code::not_found) return failed(id, 404, "not found");
  if (!answer) return unavailable(answer.error());
  const OutputForm form = form_of(*answer);
  return answered(id, std::move(*answer), form);
}

std::optional<Reply> Request::output(const wire::InvocationId& id) {
  const Instant give_up = now() + options_.give_up_after;
  Duration span = options_.retry_pause;
  for (;;) {
    const Instant deadline = std::min(give_up, now() + options_.try_for);
    Result<Answer> answer = needs_.partitions.output(id, deadline);
    if (answer) {
      const OutputForm form = form_of(*answer);
      return answered(id, std::move(*answer), form);
    }
    switch (answer.error().code) {
      case Code::cancelled: return std::nullopt;
      case Code::not_found: return refused({.status = 404, .message = "invocation not found"});
      case Code::conflict:
        return refused(
            {.status = 470, .message = "the invocation exists but has not completed yet"});
      default: break;
    }
    if (!is_worth_retrying(answer.error().code) || now() + span >= give_up) {
      return unavailable(answer.error());
    }
    if (!pause(span)) return std::nullopt;
  }
}

std::optional<Reply> Request::retrieve_by_body(Ask ask) {
  auto read = read_body();
  if (auto* instead = std::get_if<MaybeReply>(&read)) return std::move(*instead);
  const auto target =
      target_of_body(std::get<Body>(read).bytes,
                     ask == Ask::lookup ? "invalid lookup body" : "invalid request body");
  if (const auto* refusal = std::get_if<Refusal>(&target)) return refused(*refusal);
  return retrieve(std::get<wire::InvocationId>(target), ask);
}

// --- awakeables ----------------------------------------------------------------------------

std::optional<Reply> Request::awakeable(const route::Awakeable& found) {
  const auto id = wire::awakeable_id_from_client(found.id);
  if (!id) {
    return refused(bad("bad awakeable id '" + std::string(found.id) + "': " + id.error().detail));
  }
  auto read = read_body();
  if (auto* instead = std::get_if<MaybeReply>(&read)) return std::move(*instead);
  std::string& body = std::get<Body>(read).bytes;
  // Numbers below are signals of the system's own, and prom_1… counts entries of a journal
  // format that never was in our log: nobody waits for either here, as for any unknown id.
  if (id->signal < wire::first_awakeable_signal || found.id.starts_with("prom_")) return accepted();

  wire::Signal signal{.id = id->invocation, .signal = id->signal};
  if (found.resolve) {
    signal.result = wire::Value{.content = std::move(body)};
  } else {
    signal.result = wire::Failure{.code = 500, .message = wire::utf8_text(std::move(body))};
  }
  wire::Record record;
  record.commands.resize(1);
  record.commands[0].body = std::move(signal);
  const Result<Admitted> admitted = submit_once(id->invocation.partition_key, std::move(record));
  if (!admitted && admitted.error().code == Code::cancelled) return std::nullopt;
  if (!admitted) return unavailable(admitted.error());
  return accepted();
}

// --- what they share -------------------------------------------------------------------------

std::variant<Request::Body, std::optional<Reply>> Request::read_body() {
  Body body;
  for (;;) {
    Result<std::string> piece = exchange_.read(now() + options_.body_silence_max);
    if (!piece && piece.error().code == Code::timed_out) {
      return MaybeReply(
          refused({.status = 500, .message = "cannot read body: " + piece.error().detail}));
    }
    if (!piece) return MaybeReply();
    if (piece->empty()) return body;
    if (body.bytes.size() + piece->size() > options_.body_bytes_max) {
      return MaybeReply(refused({.status = 413, .message = "length limit exceeded"}));
    }
    if (body.bytes.empty()) {
      body.bytes = std::move(*piece);
    } else {
      body.bytes.append(*piece);
    }
  }
}

// Under an id of its own.  The clock of a partition's leader may have been far from ours
// when it last looked: then we go by its time.
Result<Admitted> Request::submit_once(std::uint64_t partition_key, wire::Record record) {
  io::Random& random = needs_.random;
  WallTime time = needs_.clock.wall();
  for (int tries = 0; tries < 3; ++tries) {
    record.producer = wire::RequestProducer{.high = random.draw("ingress.request"),
                                            .low = random.draw("ingress.request"),
                                            .first_attempt = time};
    TRY(admitted, submit({.partition_key = partition_key, .record = wire::encode(record)}));
    if (!admitted.refused_at) return admitted;
    needs_.trace.event(io::Level::info, "ingress.request.renamed",
                       {{"to_ms", admitted.refused_at->time_since_epoch().count()}});
    time = *admitted.refused_at;
  }
  return fail(Code::retry_later, "the clocks of the cluster jump: it is safe to retry the request");
}

Result<Admitted> Request::submit(const Submission& submission) {
  Instant give_up = now() + options_.give_up_after;
  const Instant give_up_when_full = now() + options_.give_up_when_full;
  Duration span = options_.retry_pause;
  bool surely_refused = true;
  for (;;) {
    const Instant deadline = std::min(give_up, now() + options_.try_for);
    Result<Admitted> admitted = needs_.partitions.submit(submission, deadline);
    // An earlier submission may have taken effect before its id was forgotten.
    if (admitted && admitted->refused_at && !surely_refused) return unknown_outcome();
    if (admitted || !is_worth_retrying(admitted.error().code)) return admitted;
    surely_refused = surely_refused && is_surely_refused(admitted.error().code);
    const bool full = admitted.error().code == Code::full;
    if (full) give_up = std::min(give_up, give_up_when_full);
    if (now() + span >= give_up) {
      needs_.trace.event(
          io::Level::warn, "ingress.submit.given_up",
          {{"code", name_of(admitted.error().code)}, {"detail", admitted.error().detail}});
      if (!surely_refused) return unknown_outcome();
      return fail(Code::retry_later, std::string(full ? "the server's disk is full"
                                                      : "the partition is not available") +
                                         ": the request was not accepted, it is safe to retry it");
    }
    TRY_VOID(pause(span));
  }
}

// Until it has ended, however long that takes.
Result<Answer> Request::await(const wire::InvocationId& id) {
  Duration span = options_.retry_pause;
  for (;;) {
    Result<Answer> answer = needs_.partitions.await(id, now() + options_.ask_again_after);
    if (answer || !is_worth_retrying(answer.error().code)) return answer;
    if (answer.error().code == Code::timed_out) continue;
    TRY_VOID(pause(span));
  }
}

Result<void> Request::pause(Duration& span) {
  const Instant until = now() + span;
  span = std::min(span * 2, options_.retry_pause_max);
  return needs_.fibers.sleep_until(until);
}

OutputForm Request::form_of(const Answer& answer) const {
  const wire::Service* service = needs_.schemas.current().find_service(answer.service);
  const wire::Handler* handler = service ? wire::find_handler(*service, answer.handler) : nullptr;
  if (!handler) return {};
  return {.content_type = handler->output.content_type,
          .set_if_empty = handler->output.set_content_type_if_empty};
}

Instant Request::now() const { return needs_.fibers.now(); }

}  // namespace perdure::ingress
