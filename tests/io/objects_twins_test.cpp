#include "tests/io/twins.h"

namespace perdure::io {
namespace {

using Kind = PutIf::Kind;

class ObjectsTwins : public OnTwin {};

TEST_P(ObjectsTwins, KeepWhatWasPut) {
  run([&] {
    EXPECT_EQ(objects().get("a", soon()).error().code, Code::not_found);
    const std::string bytes("zero \0 and \xff", 12);
    const auto etag = objects().put("a", bytes, {}, soon());
    ASSERT_TRUE(etag) << etag.error().detail;
    const auto object = objects().get("a", soon());
    ASSERT_TRUE(object);
    EXPECT_EQ(object->bytes, bytes);
    EXPECT_EQ(object->etag, *etag);
    const auto other = objects().put("a", "", {}, soon());
    ASSERT_TRUE(other);
    EXPECT_NE(*other, *etag);
    EXPECT_EQ(objects().get("a", soon())->bytes, "");
    EXPECT_TRUE(objects().remove("a", soon()));
    EXPECT_TRUE(objects().remove("a", soon()));
    EXPECT_EQ(objects().get("a", soon()).error().code, Code::not_found);
  });
}

TEST_P(ObjectsTwins, ConditionsAreAllOrNothing) {
  run([&] {
    const PutIf absent = {.kind = Kind::absent};
    const auto first = objects().put("a", "1", absent, soon());
    ASSERT_TRUE(first);
    EXPECT_EQ(objects().put("a", "2", absent, soon()).error().code, Code::conflict);
    EXPECT_EQ(objects().get("a", soon())->bytes, "1");
    const auto second = objects().put("a", "2", {.kind = Kind::etag, .etag = *first}, soon());
    ASSERT_TRUE(second);
    const PutIf stale = {.kind = Kind::etag, .etag = *first};
    EXPECT_EQ(objects().put("a", "3", stale, soon()).error().code, Code::conflict);
    EXPECT_EQ(objects().put("b", "3", stale, soon()).error().code, Code::conflict);
    EXPECT_EQ(objects().get("a", soon())->bytes, "2");
    EXPECT_EQ(objects().get("b", soon()).error().code, Code::not_found);
  });
}

TEST_P(ObjectsTwins, OneOfManyRacersWins) {
  run([&] {
    int created = 0, changed = 0;
    Group group(fibers());
    for (int i = 0; i < 20; ++i) {
      group.start("creates", [&, i] {
        created +=
            objects().put("a", std::to_string(i), {.kind = Kind::absent}, soon()).has_value();
      });
    }
    group.join();
    EXPECT_EQ(created, 1);
    const std::string etag = objects().get("a", soon())->etag;
    for (int i = 0; i < 20; ++i) {
      group.start("changes", [&, i] {
        const PutIf same = {.kind = Kind::etag, .etag = etag};
        changed += objects().put("a", "new " + std::to_string(i), same, soon()).has_value();
      });
    }
    group.join();
    EXPECT_EQ(changed, 1);
  });
}

TEST_P(ObjectsTwins, ListByPrefixInOrder) {
  run([&] {
    EXPECT_EQ(*objects().list("", soon()), std::vector<std::string>{});
    for (const char* key : {"p/2", "p/10", "p", "q/1", "p/odd %2F key", "p/.hidden", "p/1/x"}) {
      EXPECT_TRUE(objects().put(key, key, {}, soon())) << key;
    }
    EXPECT_EQ(*objects().list("p/", soon()),
              (std::vector<std::string>{"p/.hidden", "p/1/x", "p/10", "p/2", "p/odd %2F key"}));
    EXPECT_EQ(objects().list("", soon())->size(), 7U);
    EXPECT_EQ(objects().get("p/odd %2F key", soon())->bytes, "p/odd %2F key");
    EXPECT_EQ(*objects().list("x", soon()), std::vector<std::string>{});
  });
}

ON_ALL_TWINS(ObjectsTwins);

}  // namespace
}  // namespace perdure::io
