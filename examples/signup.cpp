// A sign-up: a workflow that waits for a person, a day at most.
//
//     curl --json '{"uri":"http://localhost:9080"}' localhost:9070/deployments
//     curl --json '"ann@example.org"' localhost:8080/Signup/ann/run/send
//     curl --json '"12345"' localhost:8080/Signup/ann/click
//     curl localhost:8080/restate/workflow/Signup/ann/attach
#include <string>

#include "sdk/serve/serve.h"

namespace sdk = perdure::sdk;
using namespace std::chrono_literals;

std::string signup(sdk::WorkflowContext& ctx, const std::string& address) {
  const std::string secret = std::to_string(10000 + ctx.draws().below(90000));
  ctx.run("mail", [&] { std::printf("to %s: %s\n", address.c_str(), secret.c_str()); });

  const auto clicked = ctx.promise<std::string>("clicked").get().await_for(24h);
  if (!clicked) return "nobody came";
  return *clicked == secret ? "welcome" : "that was not the secret";
}

void click(sdk::SharedWorkflowContext& ctx, const std::string& secret) {
  ctx.promise<std::string>("clicked").resolve(secret);
}

int main() {
  return sdk::serve({sdk::workflow("Signup").run("run", signup).shared("click", click)});
}
