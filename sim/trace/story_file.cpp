#include "sim/trace/story_file.h"

#include <fstream>
#include <iterator>

#include "engine/base/bytes.h"
#include "engine/wire/codec.h"

namespace perdure::sim::trace {

namespace {

using wire::field;

constexpr std::string_view magic = "PDSTORY1";
constexpr std::size_t piece_moments = 4096;

struct HeadHost {
  std::string name;
  std::uint32_t shards = 0;
  bool helper = false;
  static constexpr auto fields =
      std::tuple(field(1, "name", &HeadHost::name), field(2, "shards", &HeadHost::shards),
                 field(3, "helper", &HeadHost::helper));
};

struct Head {
  std::string token, build, scenario, tale, drawn, check, subject, detail, digest;
  std::uint64_t seed = 0, found_at_event = 0, events = 0, time = 0;
  std::vector<std::string> schedule;
  std::vector<HeadHost> hosts;
  static constexpr auto fields =
      std::tuple(field(1, "token", &Head::token), field(2, "build", &Head::build),
                 field(3, "scenario", &Head::scenario), field(4, "tale", &Head::tale),
                 field(5, "seed", &Head::seed), field(6, "drawn", &Head::drawn),
                 field(7, "schedule", &Head::schedule), field(8, "check", &Head::check),
                 field(9, "subject", &Head::subject), field(10, "detail", &Head::detail),
                 field(11, "found_at_event", &Head::found_at_event),
                 field(12, "events", &Head::events), field(13, "time", &Head::time),
                 field(14, "digest", &Head::digest), field(15, "hosts", &Head::hosts));
};

// Differences to the moment before, where that is what stays small.
struct Line {
  std::uint64_t event = 0, at = 0, back = 0, a = 0, b = 0, payload = 0;
  std::uint32_t host = 0, incarnation = 0, fiber = 0, shard = 0, what = 0, level = 0;
  std::uint32_t name = 0, detail = 0;
  static constexpr auto fields = std::tuple(
      field(1, "event", &Line::event), field(2, "at", &Line::at), field(3, "back", &Line::back),
      field(4, "a", &Line::a), field(5, "b", &Line::b), field(6, "payload", &Line::payload),
      field(7, "host", &Line::host), field(8, "incarnation", &Line::incarnation),
      field(9, "fiber", &Line::fiber), field(10, "shard", &Line::shard),
      field(11, "what", &Line::what), field(12, "level", &Line::level),
      field(13, "name", &Line::name), field(14, "detail", &Line::detail));
};

struct Piece {
  std::vector<std::string> texts;
  std::vector<Line> lines;
  static constexpr auto fields =
      std::tuple(field(1, "texts", &Piece::texts), field(2, "lines", &Piece::lines));
};

template <class M>
void put(std::string& out, const M& message) {
  const std::string bytes = wire::encode(message);
  put_be(out, static_cast<std::uint32_t>(bytes.size()));
  out += bytes;
}

template <class M>
Result<M> take(std::string_view& rest) {
  if (rest.size() < 4) return fail(Code::corrupt, "the story is cut off");
  const auto size = get_be<std::uint32_t>(rest);
  rest.remove_prefix(4);
  if (rest.size() < size) return fail(Code::corrupt, "the story is cut off");
  const std::string_view bytes = rest.substr(0, size);
  rest.remove_prefix(size);
  return wire::decode<M>(bytes);
}

Head head_of(const Story& story) {
  const About& about = story.about;
  Head head = {.token = about.token,
               .build = about.build,
               .scenario = about.scenario,
               .tale = about.tale,
               .drawn = about.drawn,
               .check = about.check,
               .subject = about.subject,
               .detail = about.detail,
               .digest = about.digest,
               .seed = about.seed,
               .found_at_event = about.found_at_event,
               .events = about.events,
               .time = about.time,
               .schedule = about.schedule};
  for (const StoryHost& host : story.hosts) {
    head.hosts.push_back({.name = host.name, .shards = host.shards, .helper = host.helper});
  }
  return head;
}

void take_head(Head head, Story& story) {
  story.about = {.token = std::move(head.token),
                 .build = std::move(head.build),
                 .scenario = std::move(head.scenario),
                 .tale = std::move(head.tale),
                 .seed = head.seed,
                 .drawn = std::move(head.drawn),
                 .schedule = std::move(head.schedule),
                 .check = std::move(head.check),
                 .subject = std::move(head.subject),
                 .detail = std::move(head.detail),
                 .found_at_event = head.found_at_event,
                 .events = head.events,
                 .time = head.time,
                 .digest = std::move(head.digest)};
  story.hosts.clear();
  for (HeadHost& host : head.hosts) {
    story.hosts.push_back(
        {.name = std::move(host.name), .shards = host.shards, .helper = host.helper});
  }
}

Line line_of(const Moment& moment, const Moment& before, std::uint64_t number) {
  return {.event = moment.event - before.event,
          .at = moment.at - before.at,
          .back = moment.cause == 0 ? 0 : number - moment.cause,
          .a = moment.a,
          .b = moment.b,
          .payload = moment.payload,
          .host = moment.host,
          .incarnation = moment.incarnation,
          .fiber = moment.fiber,
          .shard = moment.shard,
          .what = static_cast<std::uint32_t>(moment.what),
          .level = static_cast<std::uint32_t>(moment.level),
          .name = moment.name,
          .detail = moment.detail};
}

Result<Moment> moment_of(const Line& line, const Moment& before, std::uint64_t number,
                         std::size_t texts, std::size_t hosts) {
  const bool sound = line.what < what_count && line.back < number && line.name < texts &&
                     line.detail < texts && line.host < hosts && line.level <= 3;
  if (!sound) return fail(Code::corrupt, "a moment of the story makes no sense");
  return Moment{.event = before.event + line.event,
                .at = before.at + line.at,
                .cause = line.back == 0 ? 0 : number - line.back,
                .a = line.a,
                .b = line.b,
                .payload = line.payload,
                .host = line.host,
                .incarnation = line.incarnation,
                .fiber = line.fiber,
                .shard = static_cast<std::uint16_t>(line.shard),
                .what = static_cast<What>(line.what),
                .level = static_cast<io::Level>(line.level),
                .name = line.name,
                .detail = line.detail};
}

}  // namespace

std::string to_bytes(const Story& story) {
  std::string out(magic);
  put(out, head_of(story));
  std::size_t texts_written = 1;
  Moment before;
  for (std::uint64_t from = 1; from <= story.size(); from += piece_moments) {
    Piece piece;
    std::size_t texts_needed = texts_written;
    const std::uint64_t end = std::min<std::uint64_t>(story.size() + 1, from + piece_moments);
    for (std::uint64_t number = from; number < end; ++number) {
      const Moment& moment = story.moment(number);
      piece.lines.push_back(line_of(moment, before, number));
      texts_needed = std::max<std::size_t>({texts_needed, moment.name + 1u, moment.detail + 1u});
      before = moment;
    }
    for (; texts_written < texts_needed; ++texts_written) {
      piece.texts.push_back(story.texts()[texts_written]);
    }
    put(out, piece);
  }
  return out;
}

bool is_story(std::string_view bytes) { return bytes.starts_with(magic); }

Result<Story> from_bytes(std::string_view bytes) {
  if (!is_story(bytes)) return fail(Code::corrupt, "not a story");
  bytes.remove_prefix(magic.size());
  Story story;
  TRY(head, take<Head>(bytes));
  take_head(std::move(head), story);
  // A stranger's file may repeat a text, so ids are mapped.
  std::vector<TextId> ids = {0};
  Moment before;
  while (!bytes.empty()) {
    TRY(piece, take<Piece>(bytes));
    for (const std::string& text : piece.texts) ids.push_back(story.text(text));
    for (const Line& line : piece.lines) {
      TRY(moment, moment_of(line, before, story.size() + 1, ids.size(), story.hosts.size()));
      before = moment;
      moment.name = ids[moment.name];
      moment.detail = ids[moment.detail];
      story.add(moment);
    }
  }
  return story;
}

Result<void> write_file(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) return fail(Code::failed, "cannot write " + path);
  return {};
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::not_found, "cannot read " + path);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

}  // namespace perdure::sim::trace
