// Requests and what the reference server 1.7.12 answered to them, in this order, with one
// service M of many handlers registered, and O, G, W, V beside it.  Status, body, and the
// headers allow and content-type must be the same; JSON is compared with its fields in
// order.  (In the file the handlers of a service are sorted: theirs come out of a hash table.)
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "engine/admin/admin.h"
#include "tests/engine/admin/pretence.h"

namespace tests {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// Ids of deployments that serve something were drawn; ours are others.
std::string normal(const std::string& body) {
  static const std::regex deployment(R"("deployment_id":"dp_1[0-9a-zA-Z]{22}")");
  const std::string text = std::regex_replace(body, deployment, R"("deployment_id":"<drawn>")");
  const ordered_json value = ordered_json::parse(text, nullptr, false);
  return value.is_discarded() ? text : value.dump();
}

TEST(golden, we_answer_operators_as_the_reference_does) {
  std::ifstream file("tests/engine/admin/golden/requests.json");  // from the root of the tree
  const json entries = json::parse(file);
  ASSERT_GT(entries.size(), 90u);
  AdminBench bench;
  for (const json& entry : entries) {
    io::Request request{.method = entry["method"], .target = entry["target"]};
    for (const json& header : entry["headers"]) request.headers.push_back({header[0], header[1]});
    const PretendExchange exchange = bench.serve(std::move(request), entry.value("body", ""));
    const std::string expected = entry.value("ours", entry["reply_body"].get<std::string>());
    const std::string about = entry.dump();
    EXPECT_EQ(exchange.reply.status, entry.value("our_status", entry["status"].get<int>()))
        << about;
    EXPECT_EQ(normal(exchange.body), normal(expected)) << about;
    if (entry.contains("our_status")) continue;
    for (const json& header : entry["reply_headers"]) {
      const std::string* value =
          io::find_header(exchange.reply.headers, header[0].get<std::string>());
      ASSERT_TRUE(value) << about;
      EXPECT_EQ(*value, header[1].get<std::string>()) << about;
    }
  }
}

}  // namespace
}  // namespace tests
