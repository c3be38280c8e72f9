#include "sim/disk/disk.h"

#include <algorithm>

#include "engine/base/bytes.h"
#include "sim/world/host.h"
#include "sim/world/universe.h"

namespace perdure::sim {

namespace {

constexpr Nanos stall_max = 20 * second;
constexpr double bytes_per_nanosecond = 0.5;  // 500 MB/s

// What the calls of disk and files have in common.
class Calls {
 public:
  explicit Calls(Shard& shard) : shard_(shard) {}

  DiskStore& store() {
    DiskStore& store = shard_.host().disk();
    store.set_now(shard_.loop().now());
    return store;
  }
  Dice& dice() { return shard_.dice("disk"); }
  faults::Weather& weather() { return shard_.universe().weather; }
  std::optional<Dice> befalls(faults::Kind kind, double chance) {
    if (shard_.host().helper()) return std::nullopt;
    auto how = shard_.universe().mishaps.befalls(kind, shard_.host().name(), chance);
    if (how) {
      const bool sync = kind == faults::Kind::sync_error;
      shard_.universe().recorder.count(sync ? "mishap.sync_error" : "mishap.io_error", 1);
    }
    return how;
  }

  Nanos takes(const faults::Latency& latency, std::size_t bytes = 0) {
    const Nanos once = shard_.universe().latency(dice(), latency) +
                       static_cast<Nanos>(static_cast<double>(bytes) / bytes_per_nanosecond);
    const Nanos now = shard_.loop().now();
    const Nanos stall = store().stalled_until() > now ? store().stalled_until() - now : 0;
    return stall + std::min(once * store().slow(), stall_max);
  }
  // `what` is done to `path`; both are for whoever reads the story.
  template <class T, class Effect>
  Result<T> perform(std::string_view what, std::string_view path, std::uint64_t payload,
                    Nanos latency, Effect&& effect) {
    // The caller parks at once, so nothing else is caused by this.
    if (shard_.telling()) shard_.loop().caused_by(shard_.tell(trace::What::disk, what, path));
    Result<T> result =
        shard_.perform<T>(Kind::disk, payload, latency, std::forward<Effect>(effect));
    if (!result) shard_.tell(trace::What::disk, "failed", result.error().detail);
    return result;
  }

  Result<void> write(DiskStore::Inode inode, std::uint64_t at, std::string_view bytes) {
    const bool told_to = store().take_write_failure();
    auto how = befalls(faults::Kind::io_error, weather().write_error);
    if (!told_to && !how) return store().write(inode, at, bytes);
    // A failed write may have written some of the bytes.
    const std::size_t some = (how ? *how : dice()).below(bytes.size() + 1);
    if (auto wrote = store().write(inode, at, bytes.substr(0, some)); !wrote) return wrote;
    return fail(Code::failed, "write failed: input/output error");
  }
  Result<void> sync(DiskStore::Inode inode, std::uint64_t up_to) {
    if (!store().take_sync_failure() && !befalls(faults::Kind::sync_error, weather().sync_error)) {
      return store().sync(inode, up_to);
    }
    store().fail_sync(inode, up_to);
    return fail(Code::failed, "sync failed: input/output error");
  }

 private:
  Shard& shard_;
};

std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class SimFile final : public io::File {
 public:
  SimFile(Shard& shard, DiskStore::Inode inode, std::string_view path)
      : store_(shard.host().disk()), calls_(shard), inode_(inode), path_(path) {}
  ~SimFile() override { store_.release(inode_); }

  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> into) override {
    const Nanos latency = calls_.takes(calls_.weather().disk_read, into.size());
    return calls_.perform<std::size_t>("read", path_, at, latency, [&]() -> Result<std::size_t> {
      if (calls_.store().take_read_failure() ||
          calls_.befalls(faults::Kind::io_error, calls_.weather().read_error)) {
        return fail(Code::failed, "read failed: input/output error");
      }
      return calls_.store().read(inode_, at, into);
    });
  }
  Result<void> write(std::uint64_t at, std::span<const std::byte> bytes) override {
    const Nanos latency = calls_.takes(calls_.weather().disk_write, bytes.size());
    return calls_.perform<void>("write", path_, hash64(text(bytes), at), latency,
                                [&] { return calls_.write(inode_, at, text(bytes)); });
  }
  Result<void> sync() override {
    const std::uint64_t up_to = store_.write_number();
    return calls_.perform<void>("sync", path_, up_to, calls_.takes(calls_.weather().disk_sync),
                                [&] { return calls_.sync(inode_, up_to); });
  }
  Result<void> write_and_sync(std::uint64_t at, std::span<const std::byte> bytes) override {
    TRY_VOID(write(at, bytes));
    return sync();
  }
  Result<std::uint64_t> size() override { return store_.size(inode_); }
  Result<void> truncate(std::uint64_t size) override {
    return calls_.perform<void>("truncate", path_, size, calls_.takes(calls_.weather().disk_write),
                                [&] { return calls_.store().truncate(inode_, size); });
  }

 private:
  DiskStore& store_;
  Calls calls_;
  const DiskStore::Inode inode_;
  const std::string path_;
};

}  // namespace

Result<std::unique_ptr<io::File>> SimDisk::open(std::string_view path, io::Open mode) {
  Calls calls(shard_);
  auto inode = calls.perform<DiskStore::Inode>("open", path, hash64(path),
                                               calls.takes(calls.weather().disk_write),
                                               [&] { return calls.store().open(path, mode); });
  if (!inode) return std::unexpected(inode.error());
  return std::make_unique<SimFile>(shard_, *inode, path);
}

Result<void> SimDisk::rename(std::string_view from, std::string_view to) {
  Calls calls(shard_);
  return calls.perform<void>("rename", from, hash64(from, hash64(to)),
                             calls.takes(calls.weather().disk_write),
                             [&] { return calls.store().rename(from, to); });
}

Result<void> SimDisk::remove(std::string_view path) {
  Calls calls(shard_);
  return calls.perform<void>("remove", path, hash64(path), calls.takes(calls.weather().disk_write),
                             [&] { return calls.store().remove(path); });
}

Result<void> SimDisk::make_folder(std::string_view path) {
  Calls calls(shard_);
  return calls.perform<void>("make folder", path, hash64(path),
                             calls.takes(calls.weather().disk_write),
                             [&] { return calls.store().make_folder(path); });
}

Result<void> SimDisk::remove_folder(std::string_view path) {
  Calls calls(shard_);
  return calls.perform<void>("remove folder", path, hash64(path),
                             calls.takes(calls.weather().disk_write),
                             [&] { return calls.store().remove_folder(path); });
}

Result<void> SimDisk::sync_folder(std::string_view path) {
  Calls calls(shard_);
  return calls.perform<void>("sync folder", path, hash64(path),
                             calls.takes(calls.weather().disk_sync),
                             [&] { return calls.store().sync_folder(path); });
}

Result<std::vector<std::string>> SimDisk::list(std::string_view path) {
  Calls calls(shard_);
  return calls.perform<std::vector<std::string>>("list", path, hash64(path),
                                                 calls.takes(calls.weather().disk_read),
                                                 [&] { return calls.store().list(path); });
}

Result<std::uint64_t> SimDisk::bytes_free() {
  Calls calls(shard_);
  return calls.perform<std::uint64_t>(
      "ask for room", {}, 0, calls.takes(calls.weather().disk_read),
      [&]() -> Result<std::uint64_t> { return calls.store().bytes_free(shard_.loop().now()); });
}

}  // namespace perdure::sim
