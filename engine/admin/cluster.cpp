// What the server and its cluster say of themselves.
#include <nlohmann/json.hpp>

#include "engine/admin/routes.h"
#include "engine/admin/text.h"

namespace perdure::admin {

MaybeReply get_health(Call&) { return empty(200); }

MaybeReply get_version(Call& call) {
  nlohmann::ordered_json body{{"version", call.options.version},
                              {"min_admin_api_version", 2},
                              {"max_admin_api_version", 4}};
  if (!call.options.ingress_endpoint.empty())
    body["ingress_endpoint"] = call.options.ingress_endpoint;
  body["features"] = nlohmann::ordered_json::object();
  return json_reply(200, body);
}

MaybeReply get_cluster_health(Call& call) {
  nlohmann::ordered_json body{{"cluster_name", call.options.cluster_name}};
  body["metadata_cluster_health"]["members"] = call.options.metadata_members();
  return json_reply(200, body);
}

}  // namespace perdure::admin
