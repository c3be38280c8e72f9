// A counter for each name: state that survives, one caller at a time.
//
//     ./counter &                                            serves on port 9080
//     curl --json '{"uri":"http://localhost:9080"}' localhost:9070/deployments
//     curl --json 5 localhost:8080/Counter/apples/add        5
//     curl --json 2 localhost:8080/Counter/apples/add        7
//     curl localhost:8080/Counter/apples/get                 7
#include <cstdint>

#include "sdk/serve/serve.h"

namespace sdk = perdure::sdk;

std::int64_t add(sdk::ObjectContext& ctx, std::int64_t by) {
  const std::int64_t count = ctx.get<std::int64_t>("count").value_or(0) + by;
  ctx.set("count", count);
  return count;
}

std::int64_t get(sdk::SharedObjectContext& ctx) {
  return ctx.get<std::int64_t>("count").value_or(0);
}

void reset(sdk::ObjectContext& ctx) { ctx.clear("count"); }

int main() {
  return sdk::serve({
      sdk::object("Counter").exclusive("add", add).exclusive("reset", reset).shared("get", get),
  });
}
