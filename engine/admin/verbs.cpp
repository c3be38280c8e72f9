#include "engine/admin/verbs.h"

namespace perdure::admin {
namespace {

Verdict refusal(int status, const wire::InvocationId& id, std::string_view what) {
  return {.status = status, .message = "The invocation '" + id.text() + "' " + std::string(what)};
}

template <class Body>
Verdict done(int status, Body body) {
  Verdict verdict{.status = status, .command = wire::Command{}};
  verdict.command->body = std::move(body);
  return verdict;
}

bool has_begun(Stage stage) { return stage != Stage::scheduled && stage != Stage::inboxed; }

Verdict decide_pause(const wire::InvocationId& id, Stage stage) {
  switch (stage) {
    case Stage::paused: return {};
    case Stage::running: return done(202, wire::Pause{.id = id});
    case Stage::suspended: return done(200, wire::Pause{.id = id});
    case Stage::scheduled:
    case Stage::inboxed:
    case Stage::completed: break;
  }
  return refusal(409, id, "is not running, cannot be paused.");
}

Verdict decide_resume(const wire::InvocationId& id, const Look& look,
                      std::optional<wire::DeploymentId> move_to) {
  if (look.stage == Stage::completed) return refusal(409, id, "is completed, cannot be resumed.");
  if (!has_begun(look.stage)) {
    return refusal(425, id, "is either inboxed or scheduled, cannot be resumed.");
  }
  if (move_to && (look.stage == Stage::running || !look.pinned)) {
    return refusal(
        409, id,
        "is still running or the deployment id is not pinned yet, deployment id cannot be "
        "changed.");
  }
  return done(200, wire::Resume{.id = id, .deployment = move_to});
}

}  // namespace

Verdict decide(Verb verb, const wire::InvocationId& id, const Look& look,
               std::optional<wire::DeploymentId> move_to) {
  const bool completed = look.stage == Stage::completed;
  switch (verb) {
    case Verb::cancel:
      if (completed) return refusal(409, id, "was already completed.");
      return done(has_begun(look.stage) ? 202 : 200, wire::Cancel{.id = id});
    case Verb::kill:
      if (completed) return refusal(409, id, "was already completed.");
      return done(200, wire::Kill{.id = id});
    case Verb::pause: return decide_pause(id, look.stage);
    case Verb::resume: return decide_resume(id, look, move_to);
    case Verb::purge:
    case Verb::purge_journal:
      if (!completed) return refusal(409, id, "is not yet completed.");
      return done(200, wire::Purge{.ids = {id}, .journal_only = verb == Verb::purge_journal});
  }
  UNREACHABLE();
}

}  // namespace perdure::admin
