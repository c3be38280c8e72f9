#include "engine/wire/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/wire/command.h"
#include "engine/wire/schema.h"

namespace perdure::wire {
namespace {

struct Part {
  std::string text;
  std::uint32_t number = 0;
  static constexpr auto fields =
      std::tuple(field(1, "text", &Part::text), field(2, "number", &Part::number));
  friend bool operator==(const Part&, const Part&) = default;
};
struct Other {
  bool yes = false;
  static constexpr auto fields = std::tuple(field(1, "yes", &Other::yes));
  friend bool operator==(const Other&, const Other&) = default;
};
struct Whole {
  Lsn lsn;
  WallTime at;
  std::optional<std::uint64_t> maybe;
  std::optional<Part> maybe_part;
  std::vector<std::uint32_t> numbers;
  std::vector<std::string> texts;
  std::vector<Part> parts;
  IntervalSet set;
  std::variant<std::monostate, Part, Other, std::string> either;
  static constexpr auto fields = std::tuple(
      field(1, "lsn", &Whole::lsn), field(2, "at", &Whole::at), field(3, "maybe", &Whole::maybe),
      field(4, "maybe_part", &Whole::maybe_part), field(5, "numbers", &Whole::numbers),
      field(6, "texts", &Whole::texts), field(7, "parts", &Whole::parts),
      field(8, "set", &Whole::set), one_of("either", &Whole::either, 20, 21, 22));
  friend bool operator==(const Whole&, const Whole&) = default;
};

Part any_part() {
  return {.text = *rc::gen::arbitrary<std::string>(),
          .number = *rc::gen::arbitrary<std::uint32_t>()};
}

Whole any_whole() {
  Whole whole{.lsn = Lsn(*rc::gen::arbitrary<std::uint64_t>()),
              .at = WallTime(std::chrono::milliseconds(*rc::gen::arbitrary<std::int64_t>())),
              .numbers = *rc::gen::arbitrary<std::vector<std::uint32_t>>(),
              .texts = *rc::gen::arbitrary<std::vector<std::string>>()};
  if (*rc::gen::arbitrary<bool>()) whole.maybe = *rc::gen::arbitrary<std::uint64_t>();
  if (*rc::gen::arbitrary<bool>()) whole.maybe_part = any_part();
  for (int n = *rc::gen::inRange(0, 4); n > 0; --n) whole.parts.push_back(any_part());
  for (const std::uint16_t n : *rc::gen::arbitrary<std::vector<std::uint16_t>>())
    whole.set.insert(n);
  switch (*rc::gen::inRange(0, 4)) {
    case 1: whole.either = any_part(); break;
    case 2: whole.either = Other{.yes = *rc::gen::arbitrary<bool>()}; break;
    case 3: whole.either = *rc::gen::arbitrary<std::string>(); break;
    default: break;
  }
  return whole;
}

TEST(Codec, EveryMessageReadsBack) {
  EXPECT_TRUE(rc::check([] {
    const Whole whole = any_whole();
    const Result<Whole> back = decode<Whole>(encode(whole));
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == whole);
  }));
}

TEST(Codec, CutOrBentBytesAreAnErrorOrAMessageNeverMore) {
  EXPECT_TRUE(rc::check([] {
    std::string bytes = encode(any_whole());
    if (bytes.empty()) return;
    bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size()));
    for (int n = *rc::gen::inRange(0, 3); n > 0 && !bytes.empty(); --n) {
      bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
    }
    (void)decode<Whole>(bytes);
  }));
}

TEST(Codec, DefaultsCostNothingAndSetOptionalsAreKept) {
  EXPECT_EQ(encode(Whole()), "");
  EXPECT_EQ(decode<Whole>(encode(Whole{.maybe = 0}))->maybe, 0u);
}

// A Part of a later release.
struct Newer {
  std::uint32_t number = 7;
  std::string news = "news";
  Part part{.text = "x", .number = 1};
  static constexpr auto fields =
      std::tuple(field(2, "number", &Newer::number), field(9, "news", &Newer::news),
                 field(10, "part", &Newer::part));
};

TEST(Codec, UnknownFieldsAreSkipped) { EXPECT_EQ(decode<Part>(encode(Newer()))->number, 7u); }

// Zeros are left out, so they must not come back as what a member begins with.
struct Eager {
  std::uint32_t number = 7;
  MessageType type = MessageType::output_command;
  std::optional<std::uint64_t> maybe = 70;
  std::string text = "text";
  std::vector<std::uint32_t> numbers = {1, 2};
  std::variant<std::monostate, Part, Other> either = Other{.yes = true};
  static constexpr auto fields =
      std::tuple(field(1, "number", &Eager::number), field(2, "type", &Eager::type),
                 field(3, "maybe", &Eager::maybe), field(4, "text", &Eager::text),
                 field(5, "numbers", &Eager::numbers), one_of("either", &Eager::either, 20, 21));
  friend bool operator==(const Eager&, const Eager&) = default;
};
struct Nest {
  Eager eager;
  std::optional<Eager> maybe;
  std::vector<Eager> list;
  std::variant<std::monostate, Part, Eager> either;
  static constexpr auto fields =
      std::tuple(field(1, "eager", &Nest::eager), field(2, "maybe", &Nest::maybe),
                 field(3, "list", &Nest::list), one_of("either", &Nest::either, 20, 21));
  friend bool operator==(const Nest&, const Nest&) = default;
};

TEST(Codec, ZerosComeBackAsZerosWhateverTheDefault) {
  const Eager zero = {.number = 0,
                      .type = MessageType(),
                      .maybe = std::nullopt,
                      .text = "",
                      .numbers = {},
                      .either = {}};
  EXPECT_EQ(encode(zero), "");
  EXPECT_EQ(decode<Eager>(""), zero);
  const Nest nest = {.eager = zero, .maybe = zero, .list = {Eager(), zero}, .either = zero};
  EXPECT_EQ(decode<Nest>(encode(nest)), nest);
  EXPECT_EQ(decode<Nest>(encode(Nest())), Nest());
}

// The numbers protobuf's documentation works through: field 1 = 150 is 08 96 01.
TEST(Codec, BytesAreProtobufs) {
  EXPECT_EQ(encode(Part{.text = "testing", .number = 150}), "\x0A\x07testing\x10\x96\x01");
}

TEST(Codec, StrangersCannotNestWithoutEnd) {
  std::string bytes;
  for (int depth = 0; depth < 200; ++depth) {
    std::string outer;
    detail::put_tag(outer, 4, detail::WireType::bytes);
    detail::put_varint(outer, bytes.size());
    bytes = outer + bytes;
  }
  const Result<Future> deep = decode<Future>(bytes);
  ASSERT_FALSE(deep.has_value());
  EXPECT_EQ(deep.error().detail, "nested too deep");
}

// A record's bytes are made where the request came in; the leader adds its stamp.
TEST(Codec, AStampCompletesARecord) {
  Record record{.producer = SelfProducer{.epoch = Epoch(3), .seq = 9}, .commands = {{End{}}}};
  const WallTime at{std::chrono::milliseconds(1'700'000'000'000)};
  const Result<Record> stamped = decode<Record>(encode(record) + encode(Stamp{.at = at}));
  ASSERT_TRUE(stamped.has_value());
  EXPECT_EQ(stamped->at, at);
  EXPECT_EQ(stamped->commands.size(), 1u);
  EXPECT_EQ(name_of(stamped->commands[0]), "End");
}

// Zeros are left out, so what a member begins with must be its zero: else a leader applies
// one thing, as it was proposed, and whoever replays the record another.
TEST(Codec, AFiringReadsAsItWasWritten) {
  for (const TimerKind kind : {TimerKind::start, TimerKind::sleep}) {
    const Result<Fire> read = decode<Fire>(encode(Fire{.kind = kind}));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->kind, kind);
  }
}

TEST(Codec, ShowIsReadable) {
  EXPECT_EQ(show(Part{.text = "a\n", .number = 3}), "{text: 0x610a, number: 3}");
  EXPECT_EQ(show(Whole{.lsn = Lsn(4), .either = Other{.yes = true}}),
            "{lsn: 4, either: {yes: true}}");
}

}  // namespace
}  // namespace perdure::wire
