#include "engine/admin/text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/percent.h"
#include "engine/wire/json.h"

namespace perdure::admin {
namespace {

bool says_json(const io::Request& request) {
  const std::string* type = io::find_header(request.headers, "content-type");
  if (!type) return false;
  std::string_view bare = std::string_view(*type).substr(0, type->find(';'));
  while (bare.ends_with(' ')) bare.remove_suffix(1);
  return bare == "application/json" ||
         (bare.starts_with("application/") && bare.ends_with("+json"));
}

}  // namespace

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (form_decode(pair.substr(0, equals)) != name) continue;
    return form_decode(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

Reply empty(int status) { return {.response = {.status = status}}; }

Reply plain(int status, std::string text) {
  Reply reply{.response = {.status = status}, .body = std::move(text)};
  reply.response.headers.push_back({.name = "content-type", .value = "text/plain; charset=utf-8"});
  return reply;
}

template <class Json>
Reply json_reply(int status, const Json& value) {
  Reply reply{.response = {.status = status},
              .body = value.dump(-1, ' ', false, Json::error_handler_t::replace)};
  reply.response.headers.push_back({.name = "content-type", .value = "application/json"});
  return reply;
}

template Reply json_reply(int, const nlohmann::ordered_json&);

Reply refused(const Refused& why) {
  // The reference says some codes twice; tools only look for them.
  const std::string message = why.code.empty() ? why.message : "[" + why.code + "] " + why.message;
  nlohmann::ordered_json body{{"message", message}, {"restate_code", nullptr}};
  if (!why.code.empty()) body["restate_code"] = why.code;
  return json_reply(why.status, body);
}

Reply refused(int status, std::string message) {
  return refused(Refused{.status = status, .message = std::move(message)});
}

MaybeReply unavailable(const Error& error) {
  if (error.code == Code::cancelled) return std::nullopt;
  return refused(503, "the partition is not available: " + error.detail);
}

template <class Json>
std::variant<Reply, Json> json_body(const Call& call) {
  if (!says_json(call.request))
    return plain(415, "Expected request with `Content-Type: application/json`");
  auto parsed = wire::json_from_text<Json>(call.body);
  if (!parsed)
    return plain(400, "Failed to parse the request body as JSON: " + parsed.error().detail);
  return std::move(*parsed);
}
template std::variant<Reply, nlohmann::json> json_body(const Call&);

Reply wrong_shape(const std::string& why) {
  return plain(422, "Failed to deserialize the JSON body into the target type: " + why);
}

}  // namespace perdure::admin
