#include "net/secret.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/net/temporary_folder.h"

namespace perdure::net {
namespace {

using namespace std::chrono_literals;

const io::Request request = {.method = "PUT", .target = "/cluster/metadata/schema"};
constexpr WallTime now{1'700'000'000'000ms};

Result<void> shown(std::string_view secret, io::Request shown_with, std::string_view body,
                   Duration later = 0ms) {
  shown_with.headers.push_back(proof_of("the secret of us", request, "body", now));
  return admit(secret, shown_with, body,
               now + std::chrono::duration_cast<std::chrono::milliseconds>(later));
}

TEST(Secret, AdmitsWhoKnowsIt) {
  EXPECT_TRUE(shown("the secret of us", request, "body"));
  EXPECT_TRUE(shown("the secret of us", request, "body", 50s));
}

TEST(Secret, RefusesEverybodyElse) {
  EXPECT_EQ(admit("the secret of us", request, "body", now).error().code, Code::fenced);
  EXPECT_FALSE(shown("another secret..", request, "body"));
  EXPECT_FALSE(shown("the secret of us", request, "another body"));
  EXPECT_FALSE(shown("the secret of us", {.method = "PUT", .target = "/else"}, "body"));
  EXPECT_FALSE(shown("the secret of us", request, "body", 70s));
  for (const char* nonsense : {"", "x", "1", "1 ", "99999999999999999999 00", "1700000000000 00"}) {
    io::Request with = request;
    with.headers.push_back({std::string(proof_header), nonsense});
    EXPECT_FALSE(admit("the secret of us", with, "body", now)) << nonsense;
  }
}

TEST(Secret, ComesFromAFileThatIsLongEnough) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/secret";
  EXPECT_EQ(read_secret(path).error().code, Code::failed);
  std::ofstream(path) << "  0123456789abcdef \nsecond line\n";
  EXPECT_EQ(read_secret(path).value_or(""), "0123456789abcdef");
  std::ofstream(path) << "short\n";
  EXPECT_EQ(read_secret(path).error().code, Code::invalid);
}

}  // namespace
}  // namespace perdure::net
