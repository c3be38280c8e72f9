// Requests and what the reference server 1.7.12 answered to them, in this order, on a
// fresh server with the services of schema_of_tests().  We must answer the same: status,
// headers, body.  Where we do not on purpose, the entry says "ours" and why ("because").
//
// Ids that were drawn and times are blanked on both sides; ids that follow from the
// request ("fixed_id") are compared.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/engine/ingress/pretence.h"

namespace tests {
namespace {

using nlohmann::json;

std::string blanked(std::string text, bool keep_ids) {
  static const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|\+00:00))");
  static const std::regex id("inv_1[0-9a-zA-Z]{33}");
  text = std::regex_replace(text, time, "<time>");
  return keep_ids ? text : std::regex_replace(text, id, "<id>");
}

// Latin-1, as the file has bodies and headers, to bytes.
std::string bytes_of(const json& text) {
  const std::string utf8 = text.get<std::string>();
  std::string bytes;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c < 0x80) {
      bytes += static_cast<char>(c);
    } else {
      bytes += static_cast<char>(((c & 3) << 6) | (static_cast<unsigned char>(utf8[++i]) & 0x3F));
    }
  }
  return bytes;
}

io::Request request_of(const json& entry) {
  io::Request request{.method = entry["method"], .target = entry["target"]};
  for (const json& header : entry["headers"]) {
    request.headers.push_back({header[0], bytes_of(header[1])});
  }
  if (entry.contains("body")) {
    request.headers.push_back({"content-length", std::to_string(bytes_of(entry["body"]).size())});
  }
  return request;
}

std::string shown(int status, const io::Headers& headers, const std::string& body, bool keep_ids) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : headers) {
    lines.push_back(name + ": " + blanked(value, keep_ids) + "\n");
  }
  std::ranges::sort(lines);
  std::string text = std::to_string(status) + "\n";
  for (const std::string& line : lines) text += line;
  return text + blanked(body, keep_ids);
}

TEST(golden, we_answer_as_the_reference_does) {
  std::ifstream file("tests/engine/ingress/golden/requests.json");  // from the root of the tree
  const json entries = json::parse(file);
  ASSERT_GT(entries.size(), 400u);
  Bench bench;
  for (const json& entry : entries) {
    std::deque<Result<std::string>> body;
    if (entry.contains("body") && entry["body"] != "") body.push_back(bytes_of(entry["body"]));
    const PretendExchange exchange = bench.serve(request_of(entry), std::move(body));
    const bool keep_ids = entry.value("fixed_id", false);
    io::Headers expected_headers;
    for (const json& header : entry["reply_headers"])
      expected_headers.push_back({header[0], header[1]});
    const std::string expected_body =
        entry["method"] == "HEAD" ? exchange.body
                                  : entry.value("ours", entry["reply_body"].get<std::string>());
    EXPECT_EQ(shown(exchange.reply.status, exchange.reply.headers, exchange.body, keep_ids),
              shown(entry["status"], expected_headers, expected_body, keep_ids))
        << entry["method"] << ' ' << entry["target"] << ' ' << entry["headers"].dump() << ' '
        << entry.value("body", "");
  }
}

}  // namespace
}  // namespace tests
