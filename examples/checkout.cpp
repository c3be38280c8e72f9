// A checkout: several services, each step done once, and undone when a later one fails.
//
//     curl --json '{"uri":"http://localhost:9080"}' localhost:9070/deployments
//     curl --json '{"item":"pear","count":2,"cents":300}' localhost:8080/Shop/checkout
#include <string>

#include "sdk/serve/serve.h"

namespace sdk = perdure::sdk;
using namespace std::chrono_literals;

struct Order {
  std::string item;
  int count = 0;
  int cents = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, item, count, cents)

// --- stock: an object for each item ---

void deliver(sdk::ObjectContext& ctx, int count) {
  ctx.set("count", ctx.get<int>("count").value_or(10) + count);
}

void take(sdk::ObjectContext& ctx, int count) {
  const int there = ctx.get<int>("count").value_or(10);
  if (there < count) throw sdk::TerminalError("only " + std::to_string(there) + " left", 409);
  ctx.set("count", there - count);
}

// --- money: somebody else's service, which may be away ---

std::string charge(const std::string& idempotency_key, int cents) {
  if (cents > 1000) throw sdk::TerminalError("the card has not so much", 402);
  return "payment " + idempotency_key.substr(0, 8);
}

// --- the shop ---

std::string checkout(sdk::Context& ctx, const Order& order) {
  auto stock = ctx.object("Stock", order.item);
  stock.call<void>("take", order.count).await();
  try {
    const std::string key = ctx.draws().uuid();  // the same in every attempt
    const std::string payment = ctx.run("charge", [&] { return charge(key, order.cents); },
                                        {.attempts_max = 5, .delay = 200ms});
    ctx.service("Shop").send("ask_for_review", order, {.delay = 24h});
    return payment;
  } catch (const sdk::TerminalError&) {  // also when it is cancelled
    stock.call<void>("deliver", order.count).await();
    throw;
  }
}

void ask_for_review(sdk::Context& ctx, const Order& order) {
  ctx.run("mail", [&] { std::printf("how was the %s?\n", order.item.c_str()); });
}

int main() {
  return sdk::serve({
      sdk::object("Stock").exclusive("take", take).exclusive("deliver", deliver),
      sdk::service("Shop")
          .handler("checkout", checkout)
          .handler("ask_for_review", ask_for_review, {.private_to_handlers = true}),
  });
}
