#include "sim/rehearsal/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/rehearsal/rehearsal.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using Items = std::vector<std::string>;

// --- what is served ---

sdk::Object log() {
  return sdk::object("Log")
      .exclusive("append",
                 [](sdk::ObjectContext& ctx, const std::string& item) {
                   Items items = ctx.get<Items>("items").value_or(Items());
                   items.push_back(item);
                   ctx.set("items", items);
                   return items.size();
                 })
      .shared("items", [](sdk::SharedObjectContext& ctx) {
        return ctx.get<Items>("items").value_or(Items());
      });
}

sdk::Object box() {
  return sdk::object("Box").exclusive("fill", [](sdk::ObjectContext& ctx, int count) {
    const bool was_empty = ctx.state_keys().empty();
    for (int i = 0; i < count; ++i) ctx.set(fmt::format("k{}", i), i);
    ctx.sleep(milliseconds(20));
    ctx.clear("k0");
    const std::size_t filled = ctx.state_keys().size();
    ctx.clear_all();
    return fmt::format("{} {} {}", was_empty, filled, ctx.get<int>("k1").has_value());
  });
}

sdk::Workflow flow() {
  return sdk::workflow("Flow")
      .run("run",
           [](sdk::WorkflowContext& ctx, const std::string& token) {
             ctx.set("token", token);
             return token + " " + ctx.promise<std::string>("word").await();
           })
      .shared("say", [](sdk::SharedWorkflowContext& ctx, const std::string& word) {
        ctx.promise<std::string>("word").resolve(word);
      });
}

sdk::PlainService waiter() {
  return sdk::service("Waiter").handler("wait", [](sdk::Context& ctx, const std::string& token) {
    try {
      ctx.sleep(minutes(60));
    } catch (const sdk::Cancelled&) {
      ctx.object("Log", "cancelled").call<int>("append", token).await();
      throw;
    }
  });
}

std::string stop(sdk::Context& ctx, const std::string& token) {
  sdk::Invocation waiting = ctx.service("Waiter").send("wait", token);
  ctx.sleep(milliseconds(ctx.draws().below(2000)));
  waiting.cancel();
  try {
    waiting.attach<void>().await();
  } catch (const sdk::TerminalError& error) {
    return std::to_string(error.code());
  }
  return "not cancelled";
}

int fan(sdk::Context& ctx, const std::string& key) {
  std::vector<sdk::Call<int>> calls;
  for (int i = 0; i < 4; ++i) calls.push_back(ctx.object("Log", key).call<int>("append", "fan"));
  const std::vector<int> places = sdk::all(calls).await();
  const std::set<int> distinct(places.begin(), places.end());
  return static_cast<int>(distinct.size());
}

std::string late(sdk::Context& ctx) {
  return ctx.awakeable<int>().await_for(milliseconds(300)) ? "woken" : "late";
}

bool chance(sdk::Context& ctx) {
  const std::string before = ctx.draws().uuid();
  const std::string kept = ctx.run("keep", [&] { return before; });
  ctx.sleep(milliseconds(100));
  return kept == before && ctx.draws().uuid() != before;
}

sdk::PlainService boss() {
  return sdk::service("Boss")
      .handler("fan", fan)
      .handler("stop", stop)
      .handler("late", late)
      .handler("chance", chance);
}

// --- who calls, and judges ---

class Features final : public Rehearsal {
 public:
  std::vector<sdk::Service> services() override { return {log(), box(), flow(), waiter(), boss()}; }

  void client(Client& client, std::uint32_t number) override {
    for (int i = 0; i < 12; ++i) {
      const std::string token = fmt::format("c{}-{}", number, i);
      switch (client.below(6)) {
        case 0: walk_flow(client, token); break;
        case 1: expect(client, "fan-is-whole", "Boss/fan", quoted("f" + token), "4"); break;
        case 2: {
          expect(client, "cancel-is-told", "Boss/stop", quoted(token), quoted("409"));
          stopped_.insert(token);
          break;
        }
        case 3: expect(client, "timeout-comes", "Boss/late", "", quoted("late")); break;
        case 4: expect(client, "chance-stays", "Boss/chance", "", "true"); break;
        default:
          expect(client, "box-is-emptied", "Box/" + std::to_string(client.below(2)) + "/fill", "5",
                 quoted("true 4 false"));
      }
      client.sleep(milliseconds(client.below(800)));
    }
  }

  void judge(Client& client) override {
    const auto items = nlohmann::json::parse(client.read("Log/cancelled/items").body);
    std::map<std::string, int> times;
    for (const auto& item : items) ++times[item.get<std::string>()];
    for (const auto& [token, count] : times) {
      if (count > 1) client.report("cancelled-once", token, std::to_string(count) + " times");
      if (!stopped_.contains(token)) client.report("cancelled-by-somebody", token, "by nobody");
    }
  }

 private:
  static std::string quoted(const std::string& text) { return '"' + text + '"'; }

  static void expect(Client& client, const char* check, const std::string& path,
                     const std::string& json, const std::string& wanted) {
    const Client::Answer answer = client.call(path, json);
    if (answer.body != wanted) client.report(check, path + " " + json, answer.body);
  }

  // Two say a word; the first one counts, and the workflow tells which that was.
  void walk_flow(Client& client, const std::string& token) {
    client.read("Flow/" + token + "/run/send", quoted(token));
    std::vector<std::string> accepted;
    for (const char* word : {"yes", "no"}) {
      if (client.call("Flow/" + token + "/say", quoted(word)).ok()) accepted.push_back(word);
    }
    const Client::Answer answer = client.attach("Flow", token);
    if (accepted.size() != 1) {
      client.report("promise-is-once", token, fmt::format("{} were accepted", accepted.size()));
    } else if (answer.body != quoted(token + " " + accepted.front())) {
      client.report("promise-is-kept", token, answer.body);
    }
  }

  std::set<std::string> stopped_;
};

}  // namespace

Verdict handler_features(const Config& config) {
  Features features;
  return rehearse(features, config);
}

}  // namespace perdure::sim
