#include "engine/control/registry.h"

#include <gtest/gtest.h>

#include "engine/control/metadata_state.h"
#include "host/manual_loop.h"
#include "tests/support/counting_random.h"

namespace perdure::control {
namespace {

// Metadata in memory; `rival` once changes the schema just before us.
class MemoryMetadata : public Metadata {
 public:
  Result<Versioned> get(std::string_view key, Instant) override { return state.get(key); }
  Result<void> compare_and_set(Proposal proposal, Instant) override {
    if (rival) {
      Proposal theirs{.id = {.high = 9, .low = 9}};
      theirs.writes = {{.key = "schema", .expected = state.get("schema").version, .value = *rival}};
      rival.reset();
      CHECK(state.apply(MetadataState::entry_of(theirs)));
    }
    TRY(verdict, state.check(proposal, {}));
    if (verdict == MetadataState::Verdict::write)
      CHECK(state.apply(MetadataState::entry_of(proposal)));
    return {};
  }
  Result<Versioned> wait_newer(std::string_view key, std::uint64_t, Instant) override {
    return state.get(key);
  }

  MetadataState state;
  std::optional<std::string> rival;
};

// A deployment that answers what the test wants.
class PretendHttp : public io::Http {
 public:
  struct Call : io::HttpCall {
    explicit Call(PretendHttp& http) : owner(http) {}
    Result<void> write(std::string_view, Instant) override { return {}; }
    void finish() override {}
    Result<io::Response> response(Instant) override {
      io::Response response{.status = owner.statuses.empty() ? 200 : owner.statuses.front()};
      if (!owner.statuses.empty()) owner.statuses.erase(owner.statuses.begin());
      if (!owner.content_type.empty())
        response.headers.push_back({"content-type", owner.content_type});
      response.headers.push_back({"x-restate-server", owner.sdk});
      return response;
    }
    Result<std::string> read(Instant) override { return std::exchange(left, ""); }
    PretendHttp& owner;
    std::string left = owner.body;
  };
  Result<std::unique_ptr<io::HttpServer>> serve(std::string_view, io::HttpLimits, Serve) override {
    return fail(Code::invalid, "not here");
  }
  Result<std::unique_ptr<io::HttpCall>> call(const io::HttpTarget& target, io::Request request,
                                             Instant) override {
    ++calls;
    last_target = target;
    last = std::move(request);
    if (refuses) return fail(Code::failed, "connection refused");
    return std::make_unique<Call>(*this);
  }

  std::vector<int> statuses;  // of the next answers; then 200
  std::string content_type = "application/vnd.restate.endpointmanifest.v3+json", sdk = "sdk/1";
  std::string body =
      R"({"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":7,"services":[
          {"name":"S","ty":"SERVICE","handlers":[{"name":"h"}]}]})";
  bool refuses = false;
  int calls = 0;
  io::HttpTarget last_target;
  io::Request last;
};

struct Fixture {
  host::ManualLoop loop;
  tests::CountingRandom random;
  PretendHttp http;
  MemoryMetadata metadata;
  Discovery discovery{http, loop.fibers, {.cluster_name = "c"}};
  Registry registry{{metadata, discovery, loop.fibers, loop.clock, random}};

  OrSchemaError<Changed> add(Registration wanted) {
    OrSchemaError<Changed> changed;
    CHECK(loop.run([&] { changed = registry.add(std::move(wanted)); }));
    return changed;
  }
  std::string refusal(Registration wanted) {
    const auto changed = add(std::move(wanted));
    return changed ? "" : changed.error().code + " " + changed.error().message;
  }
  wire::Schema schema() { return *registry.current(); }
};
Registration at(std::string uri) { return {.address = {.uri = std::move(uri)}}; }

TEST(registry, asks_at_the_right_place_and_remembers_what_it_heard) {
  Fixture f;
  Registration wanted = at("HTTP://host:1/sub?x=1");
  wanted.address.additional_headers = {{.key = "x-a", .value = "b"}};
  wanted.metadata = {{.key = "m", .value = "n"}};
  const auto changed = f.add(wanted);
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_TRUE(changed->created);
  EXPECT_EQ(f.http.last.target, "/sub/discover");
  EXPECT_EQ(f.http.last.authority, "host:1");
  EXPECT_EQ(f.http.last_target.version, io::HttpVersion::http2);
  EXPECT_EQ(*io::find_header(f.http.last.headers, "accept"),
            "application/vnd.restate.endpointmanifest.v1+json, "
            "application/vnd.restate.endpointmanifest.v2+json, "
            "application/vnd.restate.endpointmanifest.v3+json, "
            "application/vnd.restate.endpointmanifest.v4+json");
  EXPECT_EQ(*io::find_header(f.http.last.headers, "x-restate-cluster-name"), "c");
  EXPECT_EQ(*io::find_header(f.http.last.headers, "x-a"), "b");
  const wire::Schema schema = f.schema();
  EXPECT_EQ(wire::show(schema), wire::show(changed->schema));
  EXPECT_EQ(schema.version, 1u);
  EXPECT_EQ(schema.deployments.at(0).uri, "http://host:1/sub/");
  EXPECT_EQ(schema.deployments.at(0).sdk_version, "sdk/1");
  EXPECT_EQ(schema.deployments.at(0).metadata.at(0).value, "n");
}

TEST(registry, a_known_place_is_not_even_asked) {
  Fixture f;
  ASSERT_TRUE(f.add(at("http://a:1")));
  const auto again = f.add(at("http://a:1/"));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->created);
  EXPECT_EQ(f.http.calls, 1);
}

// As 1.7.12 has it: the id stays, and the deployment under it is a new one.
TEST(registry, one_that_is_overwritten_is_of_now) {
  Fixture f;
  ASSERT_TRUE(f.add(at("http://a:1")));
  f.loop.clock.advance(std::chrono::hours(1));
  const WallTime now = f.loop.clock.wall();
  Registration wanted = at("http://a:1");
  wanted.options.force = true;
  const auto again = f.add(wanted);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->schema.deployments.at(0).created_at, now);
}

TEST(registry, a_dry_run_tells_and_changes_nothing) {
  Fixture f;
  Registration wanted = at("http://a:1");
  wanted.dry_run = true;
  const auto changed = f.add(wanted);
  ASSERT_TRUE(changed);
  EXPECT_TRUE(changed->created);
  EXPECT_EQ(changed->schema.services.at(0).name, "S");
  EXPECT_EQ(f.schema().version, 0u);
}

TEST(registry, decides_again_when_somebody_was_faster) {
  Fixture f;
  wire::Schema theirs{.version = 1};
  theirs.services.push_back({.name = "S", .revision = 41});
  f.metadata.rival = wire::encode(theirs);
  const auto changed = f.add(at("http://a:1"));
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->schema.version, 2u);
  EXPECT_EQ(f.schema().find_service("S")->revision, 42u);
}

TEST(registry, tries_again_while_that_may_help) {
  Fixture f;
  f.http.statuses = {503, 429, 200};
  EXPECT_TRUE(f.add(at("http://a:1")));
  EXPECT_EQ(f.http.calls, 3);
  f.http.statuses = {404};
  EXPECT_TRUE(f.refusal(at("http://b:1")).starts_with("META0003 got status code '404'. Make sure"));
  EXPECT_EQ(f.http.calls, 4);
  f.http.refuses = true;
  EXPECT_TRUE(f.refusal(at("http://c:1")).starts_with("META0003 error when calling 'http://c:1/'"));
  EXPECT_EQ(f.http.calls, 8);
}

TEST(registry, believes_no_other_content_type_and_no_old_sdk) {
  Fixture f;
  f.http.content_type = "application/json";
  EXPECT_TRUE(f.refusal(at("http://a:1")).starts_with("META0013"));
  f.http.content_type = "";
  EXPECT_TRUE(f.refusal(at("http://a:1")).starts_with("META0013"));
  f.http.content_type = "application/vnd.restate.endpointmanifest.v4+json";
  f.http.sdk = "restate-sdk-typescript/1.2.7";
  EXPECT_TRUE(f.refusal(at("http://a:1")).starts_with("META0012"));
}

TEST(registry, moves_and_forgets_a_deployment) {
  Fixture f;
  const auto changed = f.add(at("http://a:1"));
  ASSERT_TRUE(changed);
  ASSERT_TRUE(f.loop.run([&] {
    const auto moved = f.registry.update(changed->deployment, {.uri = "http://b:1"});
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->deployments.at(0).uri, "http://b:1/");
    EXPECT_EQ(f.http.calls, 1);
    const auto anew = f.registry.update(changed->deployment, {.overwrite = true});
    ASSERT_TRUE(anew);
    EXPECT_EQ(anew->services.at(0).revision, 2u);
    const auto gone = f.registry.remove(changed->deployment);
    ASSERT_TRUE(gone);
    EXPECT_TRUE(gone->services.empty());
    EXPECT_EQ(f.registry.remove(changed->deployment).error().status, 404);
    EXPECT_EQ(f.registry.update(changed->deployment, {}).error().status, 404);
  }));
  EXPECT_EQ(f.schema().version, 4u);
}

}  // namespace
}  // namespace perdure::control
