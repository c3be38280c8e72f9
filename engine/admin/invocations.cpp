// Invocations: stopped, resumed and forgotten by hand.
#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/admin/requests.h"
#include "engine/admin/restart.h"
#include "engine/admin/routes.h"
#include "engine/admin/text.h"
#include "engine/admin/verbs.h"
#include "engine/io/clock.h"
#include "engine/io/random.h"
#include "engine/wire/id_text.h"

namespace perdure::admin {
namespace {

std::variant<Reply, wire::InvocationId> invocation_id(const Call& call) {
  const auto id = wire::invocation_id_from_client(call.parameter());
  if (id) return *id;
  return refused(400, "The request field 'invocation_id' is invalid. Reason: " + id.error().detail);
}

Reply unknown_invocation(const wire::InvocationId& id) {
  return refused(404, "The requested invocation '" + id.text() + "' does not exist");
}

MaybeReply carry_out(Call& call, const wire::InvocationId& id, Verb verb,
                     std::optional<wire::DeploymentId> move_to = std::nullopt) {
  const Result<Look> look = call.needs.partitions.look(id, call.deadline());
  if (!look && look.error().code == Code::not_found) {
    return unknown_invocation(id);
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

// Where ?deployment= points: nowhere else, the newest, or a given one.
struct Destination {
  bool newest = false;
  std::optional<wire::DeploymentId> given;
};
std::variant<Reply, Destination> destination(const Call& call, Destination unsaid) {
  const auto said = query_parameter(call.query, "deployment");
  if (!said) return unsaid;
  if (*said == "Keep" || *said == "keep") return Destination{};
  if (*said == "Latest" || *said == "latest") return Destination{.newest = true};
  const auto id = wire::deployment_id_from_client(*said);
  if (id) return Destination{.given = *id};
  return refused(400, "The query parameter 'deployment' is invalid. Reason: " + id.error().detail);
}

// What it means now; null when there is none.
const wire::Deployment* find(const Destination& to, const wire::Schema& schema,
                             std::string_view service_name) {
  if (to.given) return schema.find_deployment(*to.given);
  const wire::Service* service = schema.find_service(service_name);
  return service ? schema.find_deployment(service->deployment) : nullptr;
}

// Those that have not completed are told so.
std::optional<Refused> too_early_to_restart(const wire::InvocationId& id, Stage stage) {
  const std::string whom = "The invocation '" + id.text() + "' ";
  switch (stage) {
    case Stage::scheduled:
    case Stage::inboxed:
      return Refused{.status = 425,
                     .message = whom + "cannot be restarted because it's not running yet."};
    case Stage::running:
    case Stage::suspended:
    case Stage::paused: return Refused{.status = 409, .message = whom + "is still running."};
    case Stage::completed: break;
  }
  return std::nullopt;
}

// Entries are counted from 0, the input; without a word it is only that.
std::variant<Reply, std::uint64_t> last_entry_taken(const Call& call) {
  const auto said = query_parameter(call.query, "from");
  if (!said) return std::uint64_t{0};
  std::uint32_t from = 0;
  const auto [end, wrong] = std::from_chars(said->data(), said->data() + said->size(), from);
  if (wrong == std::errc::result_out_of_range) {
    return plain(400,
                 "Failed to deserialize query string: from: number too large to fit in target "
                 "type");
  }
  if (wrong != std::errc() || end != said->data() + said->size()) {
    return plain(400, "Failed to deserialize query string: from: invalid digit found in string");
  }
  return std::uint64_t{from};
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
  const auto where = destination(call, {});
  if (const auto* instead = std::get_if<Reply>(&where)) return *instead;
  const wire::InvocationId& invocation = std::get<wire::InvocationId>(id);
  const Destination& to = std::get<Destination>(where);
  if (!to.newest && !to.given) return carry_out(call, invocation, Verb::resume);

  const Result<Look> look = call.needs.partitions.look(invocation, call.deadline());
  if (!look && look.error().code == Code::not_found) {
    return unknown_invocation(invocation);
  }
  if (!look) return unavailable(look.error());
  const auto schema = call.needs.registry.current();
  if (!schema) return refused(schema.error());
  const wire::Deployment* found = find(to, *schema, look->service);
  const std::optional<wire::DeploymentId> move_to = found ? found->id : to.given;
  const Verdict allowed = decide(Verb::resume, invocation, *look, move_to);
  if (!allowed.message.empty()) return refused(allowed.status, allowed.message);
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

MaybeReply restart_invocation(Call& call) {
  const auto id = invocation_id(call);
  if (const auto* instead = std::get_if<Reply>(&id)) return *instead;
  const auto from = last_entry_taken(call);
  if (const auto* instead = std::get_if<Reply>(&from)) return *instead;
  const auto where = destination(call, {.newest = true});
  if (const auto* instead = std::get_if<Reply>(&where)) return *instead;
  const wire::InvocationId& old = std::get<wire::InvocationId>(id);
  const Destination& to = std::get<Destination>(where);

  const Result<Look> look = call.needs.partitions.look(old, call.deadline());
  if (!look && look.error().code == Code::not_found) return unknown_invocation(old);
  if (!look) return unavailable(look.error());
  if (const auto early = too_early_to_restart(old, look->stage)) return refused(*early);
  Result<Past> past = call.needs.partitions.past(old, call.deadline());
  if (!past && past.error().code == Code::not_found) return unknown_invocation(old);
  if (!past) return unavailable(past.error());
  const auto schema = call.needs.registry.current();
  if (!schema) return refused(schema.error());

  io::Random& random = call.needs.random;
  const wire::Uuid drawn = wire::ulid(call.needs.clock.wall(), random.draw("admin.restart"),
                                      random.draw("admin.restart"));
  const bool elsewhere = to.newest || to.given;
  const Restart wanted{.id = old,
                       .from = std::get<std::uint64_t>(from),
                       .on = elsewhere ? find(to, *schema, past->target.service) : nullptr,
                       .on_given = elsewhere,
                       .as = {.partition_key = old.partition_key, .uuid = drawn},
                       .random_seed = random.draw("admin.restart")};
  auto made = restarted(wanted, std::move(*past));
  if (const auto* why = std::get_if<Refused>(&made)) return refused(*why);
  wire::Command command;
  command.body = std::move(std::get<wire::Invoke>(made));
  const Result<void> submitted = submit(call, old.partition_key, std::move(command));
  if (!submitted && submitted.error().code == Code::invalid) {  // the log takes no such record
    return refused(413, "The journal of the invocation '" + old.text() +
                            "' is too long to be taken along: " + submitted.error().detail);
  }
  if (!submitted) return unavailable(submitted.error());
  return json_reply(200, nlohmann::ordered_json{{"new_invocation_id", wanted.as.text()}});
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
