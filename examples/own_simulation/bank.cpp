#include "bank.h"

namespace bank {
namespace {

namespace sdk = perdure::sdk;

int stored(sdk::SharedObjectContext& ctx) {
  return ctx.get<int>("balance").value_or(first_balance);
}

int deposit(sdk::ObjectContext& ctx, int amount) {
  const int balance = stored(ctx) + amount;
  ctx.set("balance", balance);
  return balance;
}

int withdraw(sdk::ObjectContext& ctx, int amount) {
  const int balance = stored(ctx) - amount;
  if (balance < 0) throw sdk::TerminalError("not enough", 409);
  ctx.set("balance", balance);
  return balance;
}

bool transfer(sdk::Context& ctx, const Transfer& wanted) {
  try {
    ctx.object("Account", wanted.from).call<int>("withdraw", wanted.amount).await();
  } catch (const sdk::TerminalError&) {
    return false;
  }
  ctx.object("Account", wanted.to).call<int>("deposit", wanted.amount).await();
  return true;
}

// Each step is durable, and still it is wrong: between reading and writing others act.
bool careless(sdk::Context& ctx, const Transfer& wanted) {
  auto from = ctx.object("Account", wanted.from);
  auto to = ctx.object("Account", wanted.to);
  const auto [has, gets] = sdk::all(from.call<int>("balance"), to.call<int>("balance")).await();
  if (has < wanted.amount || wanted.from == wanted.to) return false;
  from.call<void>("put", has - wanted.amount).await();
  to.call<void>("put", gets + wanted.amount).await();
  return true;
}

}  // namespace

std::vector<sdk::Service> services() {
  return {
      sdk::object("Account")
          .exclusive("deposit", deposit)
          .exclusive("withdraw", withdraw)
          .exclusive("put",
                     [](sdk::ObjectContext& ctx, int balance) { ctx.set("balance", balance); })
          .shared("balance", stored),
      sdk::service("Bank").handler("transfer", transfer).handler("careless", careless),
  };
}

}  // namespace bank
