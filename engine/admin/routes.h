// engine/admin/routes.h
//
// All that the admin API can be asked, one row each.  The sentences are its
// documentation; what is generated from the rows cannot lag behind them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/admin/admin.h"

namespace perdure::admin {

struct Reply {
  io::Response response;
  std::string body;
};

// One request on its way through a route's function.
struct Call {
  const Needs& needs;
  const Options& options;
  const io::Request& request;
  std::vector<std::string> parameters;  // of the path, decoded, in its order
  std::string query;
  std::string body;
  int api_version = 0;  // 2 to 4; 0 when the path had no prefix

  const std::string& parameter() const { return parameters[0]; }
  Instant deadline() const;
};

// Absent: the client is gone, nobody waits for a reply.
using MaybeReply = std::optional<Reply>;

// What a route takes and gives, in the words of shapes.h; for those who read /openapi.
struct Contract {
  std::string_view query = "";        // "force bool, mode text"
  std::string_view body = "";         // name of a shape
  std::string_view reply = "";        // of one too; empty: no body
  std::string_view statuses = "200";  // the first ones, below 300, have that reply
};

struct Row {
  std::string_view method;
  std::string_view path;  // "/deployments/{deployment}"
  MaybeReply (*function)(Call&);
  std::string_view name;  // "list_deployments"
  std::string_view sentence;
  Contract contract = {};
};

std::span<const Row> rows();

struct Found {
  const Row* row = nullptr;
  std::vector<std::string> parameters;
  int api_version = 0;
};
struct NotFound {};
struct WrongMethod {
  std::string allow;  // "GET,HEAD"
};
struct WrongVersion {
  std::string message;
};
struct NotOffered {  // the reference has it; who comes for it is told, not left with a 404
  std::string_view what;
};
using Match = std::variant<Found, NotFound, NotOffered, WrongMethod, WrongVersion>;

Match match_route(std::string_view method, std::string_view path);

// The functions, by resource.
MaybeReply get_health(Call&);
MaybeReply get_version(Call&);
MaybeReply get_cluster_health(Call&);
MaybeReply list_deployments(Call&);
MaybeReply create_deployment(Call&);
MaybeReply get_deployment(Call&);
MaybeReply update_deployment(Call&);
MaybeReply replace_deployment(Call&);
MaybeReply delete_deployment(Call&);
MaybeReply list_services(Call&);
MaybeReply get_service(Call&);
MaybeReply modify_service(Call&);
MaybeReply list_handlers(Call&);
MaybeReply get_handler(Call&);
MaybeReply modify_state(Call&);
MaybeReply delete_invocation(Call&);
MaybeReply cancel_invocation(Call&);
MaybeReply kill_invocation(Call&);
MaybeReply pause_invocation(Call&);
MaybeReply resume_invocation(Call&);
MaybeReply purge_invocation(Call&);
MaybeReply purge_journal(Call&);
MaybeReply restart_invocation(Call&);
MaybeReply get_openapi(Call&);
MaybeReply get_service_openapi(Call&);

}  // namespace perdure::admin
