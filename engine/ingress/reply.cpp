#include "engine/ingress/reply.h"

#include "engine/base/match.h"
#include "engine/wire/json.h"
#include "engine/wire/time_text.h"

namespace perdure::ingress {
namespace {

constexpr std::string_view json = "application/json";

void add(io::Response& response, std::string_view name, std::string_view value) {
  response.headers.push_back({.name = std::string(name), .value = std::string(value)});
}

std::string error_body(std::uint32_t code, std::string_view message, std::string_view source,
                       const std::vector<wire::FailureMetadata>& metadata = {}) {
  std::string body = "{\"code\":" + std::to_string(code) + ",\"message\":";
  wire::append_json(body, message);
  if (!metadata.empty()) {
    body += ",\"metadata\":{";
    for (std::size_t i = 0; i < metadata.size(); ++i) {
      if (i > 0) body += ',';
      wire::append_json(body, metadata[i].key);
      body += ':';
      wire::append_json(body, metadata[i].value);
    }
    body += '}';
  }
  return body.append(",\"source\":\"").append(source).append("\"}");
}

Reply error(io::Response response, std::string body, std::string_view source) {
  add(response, "x-restate-error-source", source);
  add(response, "content-type", json);
  return {.response = std::move(response), .body = std::move(body)};
}

// Codes of handlers are HTTP statuses; what cannot end an exchange is 500.
int status_of(std::uint32_t code) {
  return code >= 200 && code <= 999 ? static_cast<int>(code) : 500;
}

}  // namespace

Reply refused(const Refusal& refusal) {
  return error({.status = refusal.status},
               error_body(static_cast<std::uint32_t>(refusal.status), refusal.message, "ingress"),
               "ingress");
}

Reply too_large() {
  Reply reply{.response = {.status = 413}, .body = "length limit exceeded"};
  add(reply.response, "content-type", "text/plain; charset=utf-8");
  return reply;
}

Reply answered(const wire::InvocationId& id, Answer answer, const OutputForm& form) {
  io::Response response;
  response.headers.reserve(6);
  add(response, "x-restate-id", id.text());
  if (answer.expires) {
    add(response, "idempotency-expires", wire::instant_text(*answer.expires, 3, "+00:00"));
  }
  return match(
      std::move(answer.outcome), [](std::monostate) -> Reply { UNREACHABLE(); },
      [&](wire::Value value) -> Reply {
        if (form.content_type && (form.set_if_empty || !value.content.empty())) {
          add(response, "content-type", *form.content_type);
        }
        return {.response = std::move(response), .body = std::move(value.content)};
      },
      [&](wire::Failure failure) -> Reply {
        response.status = status_of(failure.code);
        std::string body =
            error_body(failure.code, failure.message, "invocation", failure.metadata);
        return error(std::move(response), std::move(body), "invocation");
      });
}

Reply failed(const wire::InvocationId& id, int status, std::string_view message) {
  io::Response response{.status = status};
  add(response, "x-restate-id", id.text());
  return error(std::move(response),
               error_body(static_cast<std::uint32_t>(status), message, "invocation"), "invocation");
}

Reply sent(const Sent& sent) {
  const std::string id = sent.id.text();
  Reply reply{.response = {.status = 202}, .body = "{\"invocationId\":\"" + id + "\""};
  if (sent.due) {
    reply.body.append(",\"executionTime\":\"").append(wire::instant_text(*sent.due, 9, "Z")) += '"';
  }
  reply.body.append(",\"status\":\"").append(sent.fresh ? "Accepted" : "PreviouslyAccepted") +=
      "\"}";
  add(reply.response, "content-type", json);
  add(reply.response, "x-restate-id", id);
  return reply;
}

Reply looked_up(const wire::InvocationId& id) {
  Reply reply{.body = "{\"invocationId\":\"" + id.text() + "\"}"};
  add(reply.response, "content-type", json);
  return reply;
}

Reply health(const wire::Schema& schema) {
  Reply reply{.body = "{\"services\":["};
  for (const wire::Service& service : schema.services) {
    if (reply.body.back() != '[') reply.body += ',';
    wire::append_json(reply.body, service.name);
  }
  reply.body += "]}";
  add(reply.response, "content-type", json);
  return reply;
}

Reply accepted() { return {.response = {.status = 202}}; }

Reply preflight(const io::Request& request) {
  Reply reply;
  if (const auto* method = io::find_header(request.headers, "access-control-request-method")) {
    add(reply.response, "access-control-allow-methods", *method);
  }
  if (const auto* headers = io::find_header(request.headers, "access-control-request-headers")) {
    add(reply.response, "access-control-allow-headers", *headers);
  }
  return reply;
}

void add_cors(const io::Request& request, io::Response& response) {
  add(response, "vary", "origin, access-control-request-method, access-control-request-headers");
  add(response, "access-control-allow-credentials", "true");
  if (const auto* origin = io::find_header(request.headers, "origin")) {
    add(response, "access-control-allow-origin", *origin);
  }
}

}  // namespace perdure::ingress
