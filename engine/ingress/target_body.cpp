#include "engine/ingress/target_body.h"

#include <nlohmann/json.hpp>

#include "engine/ingress/names.h"
#include "engine/wire/id_text.h"
#include "engine/wire/json.h"

namespace perdure::ingress {
namespace {

using Meant = std::variant<Refusal, wire::InvocationId>;

// Reads the members of one object; the first thing wrong stays in `wrong`.
struct Members {
  const nlohmann::json& object;
  std::string wrong;

  std::string text(const char* name) {
    if (!object.contains(name)) return complain("missing field `" + std::string(name) + "`");
    return as_text(name);
  }
  std::optional<std::string> optional_text(const char* name) {
    if (!object.contains(name) || object[name].is_null()) return std::nullopt;
    return as_text(name);
  }

 private:
  std::string as_text(const char* name) {
    if (!object[name].is_string()) {
      return complain("`" + std::string(name) + "`: expected a string, got " +
                      object[name].type_name());
    }
    return object[name].get<std::string>();
  }
  std::string complain(std::string why) {
    if (wrong.empty()) wrong = std::move(why);
    return "";
  }
};

Meant unreadable(std::string_view what, std::string_view why) {
  return Refusal{
      .status = 500,
      .message = std::string("cannot read body: ").append(what).append(": ").append(why)};
}

std::optional<Refusal> wrong_scope_of(const std::optional<std::string>& scope) {
  if (!scope) return std::nullopt;
  const std::string wrong = wrong_scope(*scope);
  if (wrong.empty()) return std::nullopt;
  return Refusal{.status = 400, .message = "bad scope value: " + wrong};
}

}  // namespace

Meant target_of_body(std::string_view body, std::string_view what) {
  const auto parsed = wire::json_from_text<nlohmann::json>(body);
  if (!parsed) return unreadable(what, parsed.error().detail);
  if (!parsed->is_object()) return unreadable(what, "expected an object");
  Members members{*parsed, {}};
  const std::string kind = members.text("target");
  if (!members.wrong.empty()) return unreadable(what, members.wrong);

  if (kind == "invocation") {
    const std::string text = members.text("invocationId");
    if (!members.wrong.empty()) return unreadable(what, members.wrong);
    const auto id = wire::invocation_id_from_client(text);
    if (id) return *id;
    return Refusal{.status = 400,
                   .message = "bad invocation id '" + text + "': " + id.error().detail};
  }
  const std::optional<std::string> scope = members.optional_text("scope");
  if (kind == "workflow") {
    const std::string name = members.text("workflowName");
    const std::string key = members.text("workflowKey");
    if (!members.wrong.empty()) return unreadable(what, members.wrong);
    if (const auto wrong = wrong_scope_of(scope)) return *wrong;
    return workflow_id(name, key, scope.value_or(""));
  }
  if (kind == "idempotentInvocation") {
    const std::string service = members.text("service");
    const std::optional<std::string> key = members.optional_text("key");
    const std::string handler = members.text("handler");
    const std::string idempotency_key = members.text("idempotencyKey");
    if (!members.wrong.empty()) return unreadable(what, members.wrong);
    if (const auto wrong = wrong_scope_of(scope)) return *wrong;
    return idempotent_id({.service = service,
                          .key = key,
                          .handler = handler,
                          .idempotency_key = idempotency_key,
                          .scope = scope ? std::string_view(*scope) : std::string_view()});
  }
  return unreadable(what,
                    "unknown variant `" + kind +
                        "`, expected one of `workflow`, `idempotentInvocation`, `invocation`");
}

}  // namespace perdure::ingress
