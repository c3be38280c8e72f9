#include "sim/selftest/journal.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "engine/base/bytes.h"
#include "engine/io/clock.h"
#include "engine/io/disk.h"
#include "engine/io/random.h"
#include "engine/io/streams.h"
#include "engine/io/trace.h"
#include "sim/world/guests.h"

namespace perdure::sim::selftest {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration chaos = seconds(20);
constexpr std::uint64_t fetch_all = UINT64_MAX;
constexpr std::size_t record_bytes = 600;  // value, filling, checksum: more than a sector

std::string record(std::uint64_t value) {
  std::string bytes;
  put_be(bytes, value);
  bytes.append(record_bytes - 16, static_cast<char>('a' + value % 26));
  put_be(bytes, hash64(bytes, 77));
  return bytes;
}

Result<void> write_all(io::Stream& stream, std::string_view bytes, Instant deadline) {
  while (!bytes.empty()) {
    TRY(count, stream.write(as_bytes(bytes), deadline));
    bytes.remove_prefix(count);
  }
  return {};
}

Result<std::string> read_exactly(io::Stream& stream, std::size_t size, Instant deadline) {
  std::string bytes(size, '\0');
  for (std::size_t have = 0; have < size;) {
    const auto rest = std::span(bytes).subspan(have);
    TRY(count, stream.read(std::as_writable_bytes(rest), deadline));
    if (count == 0) return fail(Code::failed, "stream ended");
    have += count;
  }
  return bytes;
}

class Server final : public Guest {
 public:
  Server(io::World world, Bug bug)
      : world_(world),
        bug_(bug),
        connections_(world.fibers),
        submitted_(world.fibers),
        settled_(world.fibers) {}

  void run(std::uint32_t) override {
    while (!recover()) {
      if (!world_.fibers.sleep_until(in(milliseconds(20)))) return;
    }
    world_.trace.event(io::Level::info, "journal.recovered", {{"values", values_.size()}});
    connections_.start("accept", [this] { accept(); });
    while (true) {
      while (pending_.empty()) {
        if (!submitted_.wait()) return;
      }
      append(std::exchange(pending_, {}));
    }
  }

 private:
  Instant in(Duration span) { return world_.fibers.now() + span; }

  // --- recovery ---

  Result<void> recover() {
    values_.clear();
    TRY(names, world_.disk.list(""));
    for (const std::string& name : names) {
      if (!name.starts_with("journal.")) continue;
      TRY(file, world_.disk.open(name, io::Open::existing));
      TRY(size, file->size());
      std::string bytes(size, '\0');
      TRY(count, file->read(0, std::as_writable_bytes(std::span(bytes))));
      number_ = std::max<std::uint64_t>(number_, std::stoull(name.substr(8)));
      const bool whole = read_records(std::string_view(bytes).substr(0, count));
      if (!whole && bug_ == Bug::stops_at_torn_records) break;
    }
    return next_file();
  }

  // False when it ends in something that is not a record.
  bool read_records(std::string_view bytes) {
    for (; bytes.size() >= record_bytes; bytes.remove_prefix(record_bytes)) {
      const auto value = get_be<std::uint64_t>(bytes);
      if (bytes.substr(0, record_bytes) != record(value)) return false;
      values_.push_back(value);
    }
    return bytes.empty();
  }

  Result<void> next_file() {
    const std::string name = fmt::format("journal.{:06}", ++number_);
    TRY(file, world_.disk.open(name, io::Open::create_new));
    if (bug_ != Bug::forgets_the_folder) TRY_VOID(world_.disk.sync_folder(""));
    file_ = std::move(file);
    tail_ = 0;
    return {};
  }

  // --- appending ---

  void append(const std::vector<std::uint64_t>& batch) {
    if (bug_ == Bug::depends_on_addresses) {
      const auto address = reinterpret_cast<std::uintptr_t>(batch.data());
      if (!world_.fibers.sleep_until(in(std::chrono::microseconds(address >> 12 & 0x1FF)))) return;
    }
    std::string bytes;
    for (const std::uint64_t value : batch) bytes += record(value);
    if (bug_ == Bug::answers_before_sync) settle(batch);
    while (!write(bytes)) {
      world_.trace.event(io::Level::warn, "journal.write_failed");
      if (!world_.fibers.sleep_until(in(milliseconds(5)))) return;
    }
    if (bug_ != Bug::answers_before_sync) settle(batch);
  }

  Result<void> write(const std::string& bytes) {
    if (!file_) TRY_VOID(next_file());
    if (const auto wrote = file_->write_and_sync(tail_, as_bytes(bytes)); !wrote) {
      if (bug_ == Bug::goes_on_after_failed_sync) return file_->sync();
      file_.reset();
      return wrote;
    }
    tail_ += bytes.size();
    return {};
  }

  void settle(const std::vector<std::uint64_t>& batch) {
    for (const std::uint64_t value : batch) {
      values_.push_back(value);
      durable_.insert(value);
    }
    settled_.notify_all();
  }

  // --- connections ---

  void accept() {
    auto listener = world_.streams.listen("0.0.0.0:7000");
    if (!listener) return;
    while (true) {
      auto stream = (*listener)->accept(io::never);
      if (!stream) return;
      connections_.start("connection", [this, mine = std::move(*stream)]() mutable {
        const std::unique_ptr<io::Stream> stream_here = std::move(mine);
        while (serve(*stream_here)) {
        }
      });
    }
  }

  Result<void> serve(io::Stream& stream) {
    TRY(value, read_value(stream));
    if (value == fetch_all) {
      std::string all;
      put_be(all, std::uint64_t{values_.size()});
      for (const std::uint64_t each : values_) put_be(all, each);
      return write_all(stream, all, in(seconds(10)));
    }
    pending_.push_back(value);
    submitted_.notify_all();
    while (!durable_.contains(value)) TRY_VOID(settled_.wait(in(seconds(30))));
    std::string answer;
    put_be(answer, value);
    return write_all(stream, answer, in(seconds(10)));
  }

  Result<std::uint64_t> read_value(io::Stream& stream) {
    if (bug_ == Bug::assumes_whole_reads) {
      std::string bytes(8, '\0');
      TRY(count, stream.read(std::as_writable_bytes(std::span(bytes)), in(seconds(30))));
      if (count == 0) return fail(Code::failed, "stream ended");
      return get_be<std::uint64_t>(bytes);
    }
    TRY(bytes, read_exactly(stream, 8, in(seconds(30))));
    return get_be<std::uint64_t>(bytes);
  }

  io::World world_;
  const Bug bug_;
  io::Group connections_;
  io::Event submitted_, settled_;
  std::unique_ptr<io::File> file_;
  std::uint64_t number_ = 0, tail_ = 0;
  std::vector<std::uint64_t> values_, pending_;
  std::set<std::uint64_t> durable_;
};

// What clients know, outside of every host.
struct Known {
  Universe* universe = nullptr;
  std::set<std::uint64_t> acked;
  std::uint32_t clients_working = 0;
  std::optional<std::set<std::uint64_t>> fetched;
};

Result<void> append_one(io::World& world, io::Stream& stream, std::uint64_t value) {
  const Instant deadline = world.fibers.now() + seconds(5);
  std::string bytes;
  put_be(bytes, value);
  TRY_VOID(write_all(stream, bytes, deadline));
  TRY(answer, read_exactly(stream, 8, deadline));
  if (get_be<std::uint64_t>(answer) != value) return fail(Code::corrupt, "answered another value");
  return {};
}

// Into the story, if somebody reads it.
void tell(const Known& known, trace::What what, std::uint64_t value) {
  Recorder& recorder = known.universe->recorder;
  if (!recorder.telling()) return;
  const std::uint64_t name = value >> 32;
  const Host& host = known.universe->host(fmt::format("client{}", name));
  const std::uint64_t moment = recorder.tell({.what = what,
                                              .life = host.life(),
                                              .name = "append",
                                              .detail = fmt::format("value {}", value & 0xFFFFFFFF),
                                              .a = value});
  // What the client does next, it does because of that.
  if (what != trace::What::answer) known.universe->loop.caused_by(moment);
}

// Appends `count` values within the chaos, more or less.
void client(io::World& world, Known& known, std::uint64_t name, std::uint64_t count) {
  const Duration gap = chaos * 2 / static_cast<Duration::rep>(count);
  std::unique_ptr<io::Stream> stream;
  std::uint64_t told = 0;
  for (std::uint64_t i = 1; i <= count;) {
    const std::uint64_t value = name << 32 | i;
    tell(known, value == told ? trace::What::retry : trace::What::invoke, value);
    told = value;
    if (!stream) {
      auto connected = world.streams.connect("server:7000", world.fibers.now() + seconds(2));
      if (connected) stream = std::move(*connected);
    }
    if (stream && append_one(world, *stream, value)) {
      known.acked.insert(value);
      tell(known, trace::What::answer, value);
      ++i;
      const auto pause = Duration(static_cast<Duration::rep>(
          world.random.below("client.gap", static_cast<std::uint64_t>(gap.count()))));
      if (!world.fibers.sleep_until(world.fibers.now() + pause)) return;
      continue;
    }
    stream.reset();
    if (!world.fibers.sleep_until(world.fibers.now() + milliseconds(50))) return;
  }
  --known.clients_working;
}

Result<void> fetch(io::World& world, Known& known) {
  const Instant deadline = world.fibers.now() + seconds(10);
  TRY(stream, world.streams.connect("server:7000", deadline));
  std::string bytes;
  put_be(bytes, fetch_all);
  TRY_VOID(write_all(*stream, bytes, deadline));
  TRY(head, read_exactly(*stream, 8, deadline));
  TRY(all, read_exactly(*stream, get_be<std::uint64_t>(head) * 8, deadline));
  std::set<std::uint64_t> values;
  for (std::size_t at = 0; at < all.size(); at += 8) {
    values.insert(get_be<std::uint64_t>(std::string_view(all).substr(at)));
  }
  known.fetched = std::move(values);
  return {};
}

void judge(Experiment& experiment, const Known& known, std::uint64_t clients,
           std::uint64_t values) {
  for (const std::uint64_t value : *known.fetched) {
    const std::uint64_t name = value >> 32, number = value & 0xFFFFFFFF;
    if (name >= 1 && name <= clients && number >= 1 && number <= values) continue;
    return experiment.report({.check = "nothing-invented",
                              .subject = "value",
                              .detail = fmt::format("value {:016x} was never sent", value)});
  }
  for (const std::uint64_t value : known.acked) {
    if (known.fetched->contains(value)) continue;
    return experiment.report(
        {.check = "acked-is-durable",
         .subject = "value",
         .detail = fmt::format("value {} of client {} was answered, but is gone",
                               value & 0xFFFFFFFF, value >> 32)});
  }
}

Verdict run(const Config& config, Bug bug) {
  Known known;  // outlives the fibers that know it
  Experiment experiment(config);
  Universe& universe = experiment.universe();
  known.universe = &universe;
  universe.add_host({.name = "server"}).start([bug](std::span<const io::World> worlds) {
    return std::make_unique<Server>(worlds[0], bug);
  });
  const std::uint64_t clients =
      experiment.setting("workload.clients", 1 + experiment.dice("workload.clients").below(5));
  const std::uint64_t values =
      experiment.setting("limit.values", 20 + experiment.dice("workload.values").below(100));
  known.clients_working = static_cast<std::uint32_t>(clients);
  for (std::uint64_t i = 1; i <= clients; ++i) {
    universe.add_host({.name = fmt::format("client{}", i), .helper = true})
        .start(
            on_shard_0([&known, i, values](io::World& world) { client(world, known, i, values); }));
  }
  if (experiment.chaos({.nodes = {"server"}, .helpers = {"client1"}}, chaos) &&
      experiment.heal(seconds(60), [&known] { return known.clients_working == 0; })) {
    // A last start, so that nothing is only in memory.
    Host& server = universe.host("server");
    server.crash(Death::power_loss);
    server.restart();
    universe.add_host({.name = "reader", .helper = true})
        .start(on_shard_0([&known](io::World& world) {
          while (!fetch(world, known)) {
            if (!world.fibers.sleep_until(world.fibers.now() + milliseconds(100))) return;
          }
        }));
    if (experiment.heal(seconds(60), [&known] { return known.fetched.has_value(); })) {
      judge(experiment, known, clients, values);
    }
  }
  return experiment.verdict();
}

}  // namespace

template <Bug bug>
Verdict journal(const Config& config) {
  return run(config, bug);
}

template Verdict journal<Bug::none>(const Config&);
template Verdict journal<Bug::answers_before_sync>(const Config&);
template Verdict journal<Bug::forgets_the_folder>(const Config&);
template Verdict journal<Bug::stops_at_torn_records>(const Config&);
template Verdict journal<Bug::goes_on_after_failed_sync>(const Config&);
template Verdict journal<Bug::assumes_whole_reads>(const Config&);
template Verdict journal<Bug::depends_on_addresses>(const Config&);

}  // namespace perdure::sim::selftest
