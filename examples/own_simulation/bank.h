// A bank: accounts, and transfers between them.
//
//     Account (object)   deposit: amount -> balance    withdraw: amount -> balance, or 409
//                        balance: -> balance           put: balance
//     Bank               transfer: {from, to, amount} -> true, or false when it is too much
//                        careless: the same, by reading and writing balances from outside
#pragma once

#include <string>
#include <vector>

#include "sdk/service.h"

namespace bank {

struct Transfer {
  std::string from, to;
  int amount = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Transfer, from, to, amount)

inline constexpr int first_balance = 100;  // of every account

std::vector<perdure::sdk::Service> services();

}  // namespace bank
