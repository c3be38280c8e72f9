// A handler that says anything at all.  Whatever it is:
//   - nothing crashes, and what is proposed can be decoded by every replica
//   - how the stream is cut makes no difference to what is said in it
//   - what comes back from the log is understood
//
// The first byte picks version and target, the rest is the handler's stream.
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/check.h"
#include "engine/invoker/conversation.h"
#include "tests/engine/invoker/schema_of_tests.h"
#include "tests/engine/invoker/words.h"
#include "tests/support/counting_random.h"

namespace {

using namespace perdure;
using namespace perdure::invoker;

struct Said {
  std::vector<wire::Command> commands;
  std::optional<ConversationEnd> end;
};

ConversationSetup setup_of(std::uint8_t choice) {
  static const char* const types[] = {"service", "object", "shared", "workflow"};
  ConversationSetup setup{.id = tests::caller_id(),
                          .target = tests::target_of_type(types[choice & 3]),
                          .version = 5 + (choice >> 2) % 3u,
                          .listens = (choice & 0x40) == 0,
                          .payload_max = 4096};
  if ((choice & 0x80) != 0) {
    setup.pin = wire::Pin{
        .id = setup.id, .deployment = tests::deployment_id(), .protocol_version = setup.version};
  }
  return setup;
}

void feed_back(Conversation& conversation, std::uint32_t& entries, const Said& said) {
  for (const wire::Command& command : said.commands) {
    std::string frame;
    if (const auto* entry = std::get_if<wire::Entry>(&command.body)) {
      wire::put_frame(frame, entry->type, entry->payload);
    } else if (const auto* run = std::get_if<wire::CompleteRun>(&command.body)) {
      frame = tests::frame_of("done:run:" + std::to_string(run->completion_id) + "~v", 6);
    } else {
      continue;
    }
    CHECK(conversation.stored(entries++, frame).has_value());
  }
}

Said converse(std::uint8_t choice, std::string_view stream, std::size_t piece_bytes) {
  static const wire::Schema schema = tests::schema();
  static const wire::EffectiveOptions defaults;
  tests::CountingRandom random;
  const Surroundings around{
      .schema = schema, .defaults = defaults, .now = WallTime(), .random = random};
  Conversation conversation(setup_of(choice));
  std::uint32_t entries = 1;
  CHECK(conversation.opening(tests::frame_of("input:x", 6), entries).has_value());
  Said all;
  while (!stream.empty() && !all.end) {
    const std::string_view piece = stream.substr(0, piece_bytes);
    stream.remove_prefix(piece.size());
    ConversationEffects effects = conversation.received(std::string(piece), around);
    const Said now{.commands = effects.propose};
    feed_back(conversation, entries, now);
    std::ranges::move(effects.propose, std::back_inserter(all.commands));
    all.end = std::move(effects.end);
  }
  if (!all.end) all.end = conversation.closed().end;
  CHECK(all.end.has_value());
  return all;
}

std::string bytes_of(const Said& said) {
  return wire::encode(wire::Record{.commands = said.commands});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Said whole = converse(data[0], stream, stream.size() + 1);
  const std::string bytes = bytes_of(whole);
  CHECK(wire::decode<wire::Record>(bytes).has_value());
  const Said cut = converse(data[0], stream, 3);
  CHECK(bytes_of(cut) == bytes);
  CHECK(cut.end->index() == whole.end->index());
  return 0;
}
