// engine/ingress/route.h
//
// What a request's path asks for: a value, found without I/O, JSON or copies beyond the
// decoded key.
//
//     /{service}/{handler}[/send]              /{object}/{key}/{handler}[/send]
//     /restate/call|send/{service}[/{key}]/{handler}
//     /restate/scope/{scope}/call|send/...     scopes need limits this server has not yet
//     /restate/invocation/{id}/attach|output
//     /restate/invocation/{service}[/{key}]/{handler}/{idempotency key}/attach|output
//     /restate/workflow/{name}/{key}/attach|output
//     /restate/attach|output/{id}              /restate/attach|output|lookup  by JSON body
//     /restate/awakeables|a/{id}/resolve|reject
//     /restate/health
//
// Keys and scopes are percent-decoded; names and idempotency keys are taken as they
// stand.  The order of the checks is part of the interface: clients see the first that
// fails.  One slash at the end is as good as none, and so are several.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "engine/wire/ids.h"
#include "engine/wire/schema.h"

namespace perdure::ingress {

// The request is answered with an error of ours.
struct Refusal {
  int status = 400;
  std::string message;
};

enum class Ask { attach, output, lookup };

namespace route {
struct Health {};
struct Call {                              // of a handler that exists and may be called from here
  const wire::Service* service = nullptr;  // good as long as the schema is
  const wire::Handler* handler = nullptr;
  std::string key;  // decoded; empty for services
  bool send = false;
  std::optional<std::string> scope;  // decoded, not checked
};
struct Retrieve {  // attach to an invocation, or look at its output
  Ask ask = Ask::attach;
  wire::InvocationId id;
};
struct RetrieveByBody {  // which one is said in the body
  Ask ask = Ask::attach;
};
struct Awakeable {
  std::string_view id;
  bool resolve = true;  // else reject
};
}  // namespace route

using Route = std::variant<Refusal, route::Health, route::Call, route::Retrieve,
                           route::RetrieveByBody, route::Awakeable>;

// The target without slashes at its end, split at the '?'.
struct RequestTarget {
  std::string_view path;
  std::optional<std::string_view> query;
};
RequestTarget split_target(std::string_view target);

Route route_of(std::string_view method, std::string_view path, const wire::Schema&);

// The first value of a parameter, decoded; its name's case does not matter.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

// Empty when a scope (or one part of a limit key) is well formed, else what is wrong.
std::string wrong_scope(std::string_view scope);
std::string wrong_limit_key(std::string_view limit_key);

}  // namespace perdure::ingress
