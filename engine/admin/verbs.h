// engine/admin/verbs.h
//
// What a verb means for an invocation at a stage of its life: a value.  Between the look
// and the command the invocation may move on; the command then does what it can, so the
// answer is what was true when the operator asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/admin/admin.h"
#include "engine/wire/command.h"

namespace perdure::admin {

enum class Verb { cancel, kill, pause, resume, purge, purge_journal };

struct Verdict {
  int status = 200;
  std::string message;                   // of a refusal; empty: none
  std::optional<wire::Command> command;  // to submit; absent: there is nothing to do
};

// `move_to`: resume on another deployment.
Verdict decide(Verb, const wire::InvocationId&, const Look&,
               std::optional<wire::DeploymentId> move_to = std::nullopt);

}  // namespace perdure::admin
