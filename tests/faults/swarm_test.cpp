#include "faults/swarm.h"

#include <gtest/gtest.h>

#include <map>

#include "engine/base/bytes.h"

namespace perdure::faults {
namespace {

// A draw is a hash of its stream and of how many came before in it.
class Addressed final : public io::Random {
 public:
  explicit Addressed(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t draw(std::string_view stream) override {
    return hash64(std::to_string(++counts_[std::string(stream)]), hash64(stream, seed_));
  }

 private:
  const std::uint64_t seed_;
  std::map<std::string, std::uint64_t> counts_;
};

const Victims victims = {
    .nodes = {"n1", "n2", "n3"}, .helpers = {"handlers"}, .marks = {"wal.segment.begun"}};

std::vector<std::string> shown(const Schedule& schedule, std::optional<Kind> but = std::nullopt) {
  std::vector<std::string> lines;
  for (const Misfortune& each : schedule) {
    if (kind_of(each.fault) != but) lines.push_back(show(each));
  }
  return lines;
}

Swarm everything(Profile profile) {
  Swarm swarm = {.profile = profile};
  for (const Entry& entry : catalogue()) swarm.kinds.insert(entry.kind);
  return swarm;
}

TEST(Catalogue, FindsEveryKindByItsName) {
  for (const Entry& entry : catalogue()) {
    ASSERT_EQ(find(entry.name), &entry);
    EXPECT_FALSE(entry.story.empty());
    EXPECT_EQ(entry.timed, entry.per_minute > 0) << entry.name;
  }
  EXPECT_EQ(find("good_luck"), nullptr);
}

TEST(Swarm, EachKindIsInAboutHalfOfTheRuns) {
  std::map<Kind, int> in;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Addressed random(seed);
    for (const Kind kind : draw_swarm(random).kinds) ++in[kind];
  }
  for (const Entry& entry : catalogue()) {
    EXPECT_GT(in[entry.kind], 140) << entry.name;
    EXPECT_LT(in[entry.kind], 260) << entry.name;
  }
}

TEST(Swarm, FollowsItsRules) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Addressed random(seed);
    const Swarm swarm = draw_swarm(random, {.profile = Profile::hostile,
                                            .forbid = {Kind::pause},
                                            .always = {Kind::cut, Kind::pause},
                                            .only = std::set{Kind::split, Kind::pause}});
    EXPECT_EQ(swarm.profile, Profile::hostile);
    EXPECT_TRUE(swarm.has(Kind::cut));
    EXPECT_FALSE(swarm.has(Kind::pause));
    for (const Kind kind : swarm.kinds) EXPECT_TRUE(kind == Kind::cut || kind == Kind::split);
  }
}

TEST(Schedule, OfOneKindDoesNotDependOnTheOthers) {
  const Swarm all = everything(Profile::rough);
  for (const Entry& entry : catalogue()) {
    if (!entry.timed) continue;
    Swarm without = all;
    without.kinds.erase(entry.kind);
    Addressed one(7), two(7);
    EXPECT_EQ(shown(draw_schedule(one, all, victims, std::chrono::seconds(60)), entry.kind),
              shown(draw_schedule(two, without, victims, std::chrono::seconds(60))))
        << entry.name;
  }
}

TEST(Schedule, GetsWorseWithTheProfile) {
  std::size_t before = 0;
  for (const Profile profile : {Profile::calm, Profile::rough, Profile::hostile}) {
    std::size_t count = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Addressed random(seed);
      count += draw_schedule(random, everything(profile), victims, std::chrono::seconds(60)).size();
    }
    EXPECT_GT(count, before);
    before = count;
  }
}

TEST(Schedule, IsSortedWithinTheChaosAndCoversEveryKind) {
  std::set<Kind> drawn;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Addressed random(seed);
    Duration last = {};
    const Swarm swarm = everything(Profile::hostile);
    for (const Misfortune& each : draw_schedule(random, swarm, victims, std::chrono::seconds(60))) {
      EXPECT_GE(each.at, last);
      EXPECT_LT(each.at, std::chrono::seconds(60));
      last = each.at;
      drawn.insert(kind_of(each.fault));
    }
  }
  for (const Entry& entry : catalogue()) {
    EXPECT_EQ(drawn.contains(entry.kind), entry.timed) << entry.name;
  }
}

TEST(Weather, IsFairWithoutFaultsAndUnfairWithEach) {
  const Swarm none;
  Addressed random(3);
  const auto values = [](const Weather& weather) {
    std::map<std::string, double> all;
    Weather::fields(weather, [&](const std::string& name, const auto& value) {
      if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>) {
        all[name] = static_cast<double>(value);
      } else {
        all[name] = static_cast<double>(value.count());
      }
    });
    return all;
  };
  const auto fair = values(Weather());
  EXPECT_EQ(values(draw_weather(random, none)), fair);
  for (const Entry& entry : catalogue()) {
    if (entry.timed) continue;
    Addressed again(3);
    const Swarm one = {.profile = Profile::rough, .kinds = {entry.kind}};
    EXPECT_NE(values(draw_weather(again, one)), fair) << entry.name;
  }
}

TEST(Fault, SaysWhatItIsInOneLine) {
  EXPECT_EQ(
      show(Fault(PowerLoss{
          .host = "n1", .after_effects = 3, .restart_after = std::chrono::milliseconds(120)})),
      "power_loss n1 after_effects=3 restart_after=120ms");
  Misfortune misfortune = {.at = std::chrono::microseconds(1500),
                           .fault = Partition{.side = "n1 n3"}};
  EXPECT_EQ(show(misfortune), "at 1500us partition n1 n3 both_ways lasts=0ms");
  misfortune.on_mark = "wal.opened";
  misfortune.nth = 2;
  EXPECT_EQ(show(misfortune),
            "on wal.opened number 2, 1500us later: partition n1 n3 both_ways lasts=0ms");
  EXPECT_EQ(show(Mishap{.kind = Kind::frame_loss, .where = "n1>n3", .ordinal = 417}),
            "frame_loss n1>n3 number 417");
}

}  // namespace
}  // namespace perdure::faults
