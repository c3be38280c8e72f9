// Invocations: stopped, resumed and forgotten by hand.
#include "engine/admin/requests.h"
#include "engine/admin/routes.h"
#include "engine/admin/text.h"
#include "engine/admin/verbs.h"
#include "engine/wire/id_text.h"

namespace perdure::admin {
namespace {

std::variant<Reply, wire::InvocationId> invocation_id(const Call& call) {
  const auto id = wire::invocation_id_from_client(call.parameter());
  if (id) return *id;
  return refused(400, "The request field 'invocation_id' is invalid. Reason: " + id.error().detail);
}

MaybeReply carry_out(Call& call, const wire::InvocationId& id, Verb verb,
                     std::optional<wire::DeploymentId> move_to = std::nullopt) {
  const Result<Look> look = call.needs.partitions.look(id, call.deadline());
  if (!look && look.error().code == Code::not_found) {
    return refused(404, "The requested invocation '" + id.text() + "' does not exist");
  }
  if (!look) return unavailable(look.error());
  Verdict verdict = decide(verb, id, *look, move_to);
  if (!verdict.message.empty()) return refused(verdict.status, verdict.message);
  if (verdict.command) {
    const Result<void> submitted = submit(call, id.partition_key, std::move(*verdict.command));
    if (!submitted) return unavailable(submitted.error());
  }
  return empty(verdict.status);
}

MaybeReply carry_out(Call& call, Verb verb) {
  const auto id = invocation_id(call);
  if (const auto* instead = std::get_if<Reply>(&id)) return *instead;
  return carry_out(call, std::get<wire::InvocationId>(id), verb);
}

// Where ?deployment= of a resume points: nowhere else, the newest, or a given one.
struct Destination {
  bool newest = false;
  std::optional<wire::DeploymentId> given;
};
std::variant<Reply, Destination> destination(const Call& call) {
  const auto said = query_parameter(call.query, "deployment");
  if (!said || *said == "Keep" || *said == "keep") return Destination{};
  if (*said == "Latest" || *said == "latest") return Destination{.newest = true};
  const auto id = wire::deployment_id_from_client(*said);
  if (id) return Destination{.given = *id};
  return refused(400, "The query parameter 'deployment' is invalid. Reason: " + id.error().detail);
}

}  // namespace

MaybeReply cancel_invocation(Call& call) { return carry_out(call, Verb::cancel); }
MaybeReply kill_invocation(Call& call) { return carry_out(call, Verb::kill); }
MaybeReply pause_invocation(Call& call) { return carry_out(call, Verb::pause); }
MaybeReply purge_invocation(Call& call) { return carry_out(call, Verb::purge); }
MaybeReply purge_journal(Call& call) { return carry_out(call, Verb::purge_journal); }

MaybeReply resume_invocation(Call& call) {
  const auto id = invocation_id(call);
  if (const auto* instead = std::get_if<Reply>(&id)) return *instead;
  const auto where = destination(call);
  if (const auto* instead = std::get_if<Reply>(&where)) return *instead;
  const wire::InvocationId& invocation = std::get<wire::InvocationId>(id);
  const Destination& to = std::get<Destination>(where);
  if (!to.newest && !to.given) return carry_out(call, invocation, Verb::resume);

  const Result<Look> look = call.needs.partitions.look(invocation, call.deadline());
  if (!look && look.error().code == Code::not_found) {
    return refused(404, "The requested invocation '" + invocation.text() + "' does not exist");
  }
  if (!look) return unavailable(look.error());
  const auto schema = call.needs.registry.current();
  if (!schema) return refused(schema.error());
  std::optional<wire::DeploymentId> move_to = to.given;
  if (to.newest) {
    // The newest deployment of the service it runs on.
    const wire::Service* service = schema->find_service(look->service);
    if (service) move_to = service->deployment;
  }
  const Verdict allowed = decide(Verb::resume, invocation, *look, move_to);
  if (!allowed.message.empty()) return refused(allowed.status, allowed.message);
  const wire::Deployment* found = move_to ? schema->find_deployment(*move_to) : nullptr;
  if (!found) {
    return refused(400,
                   "The given deployment was not found when trying to resume the invocation '" +
                       invocation.text() + "'.");
  }
  const bool speaks =
      look->protocol_version == 0 || (found->min_protocol_version <= look->protocol_version &&
                                      look->protocol_version <= found->max_protocol_version);
  if (!speaks) {
    return refused(400, "The deployment '" + found->id.text() +
                            "' does not support the protocol version " +
                            std::to_string(look->protocol_version) + " of the invocation '" +
                            invocation.text() + "'.");
  }
  return carry_out(call, invocation, Verb::resume, move_to);
}

// Fire and forget: what it finds or not, the answer is 202.
MaybeReply delete_invocation(Call& call) {
  const auto id = invocation_id(call);
  if (const auto* instead = std::get_if<Reply>(&id)) return *instead;
  const wire::InvocationId& invocation = std::get<wire::InvocationId>(id);
  const std::string mode = query_parameter(call.query, "mode").value_or("Cancel");
  wire::Command command;
  if (mode == "Cancel" || mode == "cancel") {
    command.body = wire::Cancel{.id = invocation};
  } else if (mode == "Kill" || mode == "kill") {
    command.body = wire::Kill{.id = invocation};
  } else if (mode == "Purge" || mode == "purge") {
    command.body = wire::Purge{.ids = {invocation}};
  } else {
    return plain(400,
                 "Failed to deserialize query string: mode: unknown variant `" + mode +
                     "`, expected one of `Cancel`, `cancel`, `Kill`, `kill`, `Purge`, `purge`");
  }
  const Result<void> submitted = submit(call, invocation.partition_key, std::move(command));
  if (!submitted) return unavailable(submitted.error());
  return empty(202);
}

}  // namespace perdure::admin
