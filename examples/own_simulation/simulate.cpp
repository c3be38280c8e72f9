// The bank under crashes and bad weather: money is neither made nor lost.
//
//     bank_simulation run --seeds 100
//     bank_simulation run --scenario careless --seeds 20     finds what is wrong with it
#include <string>

#include "bank.h"
#include "sim/program.h"
#include "sim/rehearsal/rehearsal.h"

namespace sim = perdure::sim;
namespace sdk = perdure::sdk;

namespace {

constexpr int accounts = 4;
std::string name_of(std::uint64_t account) { return "a" + std::to_string(account); }

class Transfers : public sim::Rehearsal {
 public:
  explicit Transfers(std::string handler = "transfer") : handler_(std::move(handler)) {}

  std::vector<sdk::Service> services() override { return bank::services(); }

  void client(sim::Client& client, std::uint32_t) override {
    for (int i = 0; i < 15; ++i) {
      const bank::Transfer wanted{.from = name_of(client.below(accounts)),
                                  .to = name_of(client.below(accounts)),
                                  .amount = static_cast<int>(1 + client.below(60))};
      const auto answer = client.call("Bank/" + handler_, nlohmann::json(wanted).dump());
      if (!answer.ok()) client.report("transfers-are-answered", wanted.from, answer.body);
      client.sleep(std::chrono::milliseconds(client.below(800)));
    }
  }

  void judge(sim::Client& client) override {
    int total = 0;
    for (int account = 0; account < accounts; ++account) {
      const std::string name = name_of(static_cast<std::uint64_t>(account));
      const int balance = std::stoi(client.read("Account/" + name + "/balance").body);
      if (balance < 0) client.report("no-debts", name, std::to_string(balance));
      total += balance;
    }
    constexpr int wanted = accounts * bank::first_balance;
    if (total != wanted) {
      client.report("money-is-kept", "all accounts",
                    std::to_string(total) + " where there were " + std::to_string(wanted));
    }
  }

 private:
  const std::string handler_;
};

// Has a bug on purpose: what finds it is worth something.
class Careless final : public Transfers {
 public:
  Careless() : Transfers("careless") {}
};

}  // namespace

int main(int argc, char** argv) {
  return sim::program(argc, argv,
                      {sim::rehearsal<Transfers>("transfers", "Money is neither made nor lost."),
                       sim::rehearsal<Careless>(
                           "careless", "The same, but balances are read first.", "money-is-kept")});
}
