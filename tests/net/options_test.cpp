#include "net/options.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "net/units.h"
#include "tests/net/temporary_folder.h"

namespace perdure::net {
namespace {

using Words = std::vector<std::string>;

Result<Command> parse(const Words& arguments, const Words& environment = {}) {
  return parse_command(arguments, environment, "1.2.3");
}

Settings settings(const Words& arguments, const Words& environment = {}) {
  auto command = parse(arguments, environment);
  EXPECT_TRUE(command) << command.error().detail;
  return std::get<Serve>(std::move(*command)).settings;
}

std::string refusal(const Words& arguments, const Words& environment = {}) {
  const auto command = parse(arguments, environment);
  EXPECT_FALSE(command);
  EXPECT_EQ(command.error().code, Code::invalid);
  return command.error().detail;
}

std::string file_with(const TemporaryFolder& folder, std::string_view text) {
  std::string path = folder.path() + "/p.toml";
  std::ofstream(path) << text;
  return path;
}

TEST(Options, HaveDefaults) {
  const Settings defaults = settings({"serve"});
  EXPECT_EQ(defaults.process.data_dir, "perdure-data");
  EXPECT_TRUE(defaults.node.ingress_address.ends_with(":8080"));
  EXPECT_TRUE(defaults.node.admin_address.ends_with(":9070"));
  EXPECT_TRUE(defaults.node.node_address.ends_with(":5122"));
  EXPECT_EQ(defaults.node.partitions, 24U);
  EXPECT_GE(defaults.process.shards, 1U);
  EXPECT_EQ(defaults.node.version, "1.2.3");
}

TEST(Options, ComeByFlag) {
  const Settings given = settings({"serve",
                                   "--data-dir",
                                   "d",
                                   "--ingress=[::1]:1",
                                   "--partitions",
                                   "4",
                                   "--log-level",
                                   "warn",
                                   "--log-format",
                                   "json",
                                   "--join",
                                   "a:1,b:2",
                                   "--auto-provision",
                                   "false",
                                   "--roles",
                                   "log,admin",
                                   "--checkpoint-every",
                                   "90s",
                                   "--segment-bytes",
                                   "8MiB",
                                   "--tls-cert",
                                   "c.pem",
                                   "--tls-key",
                                   "c.key",
                                   "--tls-ca",
                                   "ca.pem"});
  EXPECT_EQ(given.process.data_dir, "d");
  EXPECT_EQ(given.tls.cert, "c.pem");
  EXPECT_EQ(given.tls.key, "c.key");
  EXPECT_EQ(given.tls.ca, "ca.pem");
  EXPECT_EQ(given.node.ingress_address, "[::1]:1");
  EXPECT_EQ(given.node.partitions, 4U);
  EXPECT_EQ(given.process.log.level, io::Level::warn);
  EXPECT_EQ(given.process.log.format, LineFormat::json);
  EXPECT_EQ(given.node.join, (Words{"a:1", "b:2"}));
  EXPECT_EQ(given.node.auto_provision, false);
  EXPECT_EQ(given.node.roles, static_cast<std::uint32_t>(control::NodeRole::log) |
                                  static_cast<std::uint32_t>(control::NodeRole::admin));
  EXPECT_EQ(given.node.checkpoint_every, std::chrono::seconds(90));
  EXPECT_EQ(given.node.segment_bytes, 8U << 20);
}

TEST(Options, InvocationsMayBeGivenUpOrNever) {
  const Words given{"serve", "--inactivity-timeout",    "0ms",  "--retry-max-attempts",
                    "3",     "--retry-on-max-attempts", "kill", "--lazy-state=true"};
  const wire::EffectiveOptions options = settings(given).node.invocation_defaults;
  EXPECT_EQ(options.inactivity_timeout.count(), 0);
  EXPECT_EQ(options.retry_max_attempts, 3U);
  EXPECT_EQ(options.retry_on_max_attempts, wire::OnMaxAttempts::kill);
  EXPECT_TRUE(options.enable_lazy_state);
  const Settings patient = settings({"serve", "--retry-max-attempts=unlimited"});
  EXPECT_EQ(patient.node.invocation_defaults.retry_max_attempts, std::nullopt);
  EXPECT_TRUE(refusal({"serve", "--retry-max-attempts=0"}).contains("1 to 1000000000"));
}

TEST(Options, FlagBeatsEnvironmentBeatsFile) {
  const TemporaryFolder folder;
  const std::string path = file_with(folder,
                                     "node-name = 'file'\ncluster-name = 'file'\npartitions = 7\n"
                                     "auto-provision = false\njoin = ['a:1', 'b:2']\n");
  const Settings given =
      settings({"serve", "--config", path, "--node-name", "flag"},
               {"PERDURE_NODE_NAME=env", "PERDURE_CLUSTER_NAME=env", "PATH=/bin"});
  EXPECT_EQ(given.node.node_name, "flag");
  EXPECT_EQ(given.node.cluster_name, "env");
  EXPECT_EQ(given.node.partitions, 7U);
  EXPECT_EQ(given.node.auto_provision, false);
  EXPECT_EQ(given.node.join, (Words{"a:1", "b:2"}));
  EXPECT_EQ(settings({"serve"}, {"PERDURE_CONFIG=" + path}).node.node_name, "file");
}

TEST(Options, UnknownOnesAreRefusedAndTheNearestIsNamed) {
  const TemporaryFolder folder;
  EXPECT_EQ(refusal({"serve", "--ingres", "x:1"}),
            "flag --ingres is unknown, the nearest is --ingress");
  EXPECT_EQ(refusal({"serve", "--partition=4"}),
            "flag --partition is unknown, the nearest is --partitions");
  EXPECT_EQ(refusal({"serve"}, {"PERDURE_PARTITION=4"}),
            "environment variable PERDURE_PARTITION is unknown, the nearest is PERDURE_PARTITIONS");
  const std::string path = file_with(folder, "cluster-nam = 'x'\n");
  EXPECT_EQ(
      refusal({"serve", "--config", path}),
      "configuration file '" + path + "': 'cluster-nam' is unknown, the nearest is 'cluster-name'");
  EXPECT_EQ(refusal({"serve", "stray"}), "'stray' was not expected");
}

TEST(Options, WrongValuesAreRefusedWithTheirOrigin) {
  const TemporaryFolder folder;
  EXPECT_EQ(refusal({"serve", "--partitions", "0"}),
            "--partitions: '0' is not in the range 1 to 1024");
  EXPECT_EQ(refusal({"serve"}, {"PERDURE_PARTITIONS=many"}),
            "PERDURE_PARTITIONS: 'many' is not a whole number");
  EXPECT_EQ(refusal({"serve", "--admin", "9070"}),
            "--admin: '9070' is not an address like host:port");
  EXPECT_EQ(refusal({"serve", "--log-level", "loud"}),
            "--log-level: 'loud' is not one of: debug, info, warn, error");
  EXPECT_EQ(refusal({"serve", "--node-name", "a b"}),
            "--node-name: 'a b' is no name: 1 to 64 letters, digits, dots, underscores or dashes");
  EXPECT_EQ(refusal({"serve", "--roles", "logs"}),
            "--roles: 'logs' is unknown, the nearest is 'log'");
  EXPECT_EQ(refusal({"serve", "--drain", "5"}),
            "--drain: '5' is not a duration like 500ms, 10s, 5m, 24h or 7d");
  const std::string path = file_with(folder, "partitions = -4\n");
  EXPECT_EQ(refusal({"serve", "--config", path}),
            path + ": partitions: '-4' is not a whole number");
}

TEST(Options, AFileThatIsNoTomlOrIsNotThereIsRefused) {
  const TemporaryFolder folder;
  EXPECT_NE(refusal({"serve", "--config", folder.path() + "/absent"}).find("absent"),
            std::string::npos);
  const std::string path = file_with(folder, "partitions = \n");
  EXPECT_TRUE(refusal({"serve", "--config", path}).starts_with("configuration file '" + path));
  const std::string table = file_with(folder, "[partitions]\nx = 1\n");
  EXPECT_NE(refusal({"serve", "--config", table}).find("'partitions' must be"), std::string::npos);
}

TEST(Options, DefaultsAreValidToo) {
  for (const Option& option : all_options()) {
    if (option.default_text.empty() || option.name == "shards" || option.name == "roles") continue;
    Settings fresh;
    EXPECT_TRUE(option.set(fresh, option.default_text)) << option.name;
  }
}

TEST(Options, OthersArePrinted) {
  EXPECT_EQ(std::get<Print>(*parse({"--version"})).text, "perdure 1.2.3\n");
  const std::string help = std::get<Print>(*parse({"serve", "--help"})).text;
  for (const Option& option : all_options()) {
    EXPECT_NE(help.find("--" + option.name), std::string::npos) << option.name;
  }
  EXPECT_FALSE(parse({"serv"}));
  EXPECT_TRUE(std::get<Print>(*parse({})).text.contains("serve"));
}

TEST(Options, SnapshotsAreHandledByAVerbOfTheirOwn) {
  const auto verb = [](const Words& arguments) {
    const auto command = parse(arguments);
    EXPECT_TRUE(command) << command.error().detail;
    return std::get<HandleSnapshots>(*command);
  };
  EXPECT_EQ(verb({"snapshot", "list", "--data-dir", "d"}).verb, node::SnapshotVerb::list);
  EXPECT_EQ(verb({"snapshot", "list", "--data-dir", "d"}).partition, std::nullopt);
  const HandleSnapshots restore =
      verb({"snapshot", "restore", "--data-dir", "d", "--partition", "7"});
  EXPECT_EQ(restore.verb, node::SnapshotVerb::restore);
  EXPECT_EQ(restore.data_dir, "d");
  EXPECT_EQ(restore.partition, PartitionId(7));
  EXPECT_TRUE(refusal({"snapshot", "restore"}).contains("--data-dir"));
  EXPECT_FALSE(refusal({"snapshot"}).empty());
}

// docs/user/configuration.md is what the program says: perdure config --markdown.
TEST(Options, TheReferencePageIsUpToDate) {
  std::ostringstream page;
  page << std::ifstream("docs/user/configuration.md").rdbuf();  // tests run at the root of the tree
  EXPECT_EQ(page.str(), std::get<Print>(*parse({"config", "--markdown"})).text);
}

TEST(Units, AreReadAndWritten) {
  EXPECT_EQ(parse_bytes("64MiB").value(), 64U << 20);
  EXPECT_EQ(parse_bytes("1_000").value(), 1000U);
  EXPECT_EQ(parse_bytes("2KB").value(), 2000U);
  EXPECT_EQ(parse_duration("1500ms").value(), std::chrono::milliseconds(1500));
  for (const char* wrong : {"", "MiB", "1.5GiB", "-1KB", "1 MiB", "99999999999GiB"}) {
    EXPECT_FALSE(parse_bytes(wrong)) << wrong;
  }
  for (const char* wrong : {"", "5", "s", "5sec", "-5s", "99999999999d"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
  EXPECT_EQ(bytes_as_text(64 << 20), "64MiB");
  EXPECT_EQ(bytes_as_text(1500), "1500B");
  EXPECT_EQ(bytes_as_text(0), "0B");
  EXPECT_EQ(duration_as_text(std::chrono::seconds(90)), "90s");
  EXPECT_EQ(duration_as_text(std::chrono::hours(24)), "1d");
}

}  // namespace
}  // namespace perdure::net
