// sim/disk/disk_store.h
//
// The disk of one simulated machine; it outlives processes and power.
//
//     file     bytes     what this process reads        ◄── write, truncate
//              unsynced  the writes that no sync covers, in order
//              durable   what is certain after a power loss     ◄── sync
//
//     folder   live, unsynced, durable                  the same, of names
//
// On a power loss every unsynced write is kept, dropped, or torn at 512-byte lines; of
// the unsynced names of a folder either a prefix survives or each by its own coin.  A
// process crash loses nothing that was written.
//
// Rot flips bits of what is durable, and of what is read.  Not modelled: misdirected
// writes, which are rot in two places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/io/disk.h"
#include "sim/world/draw.h"
#include "sim/world/loop.h"

namespace perdure::sim {

class DiskStore {
 public:
  using Inode = std::uint64_t;
  static constexpr std::size_t sector = 512;

  DiskStore(std::uint64_t seed, std::uint64_t entity, std::uint64_t capacity);

  // Names.  Paths as in engine/io/disk.h.
  Result<Inode> open(std::string_view path, io::Open mode);  // counts as held
  void release(Inode file);
  Result<void> rename(std::string_view from, std::string_view to);
  Result<void> link(std::string_view from, std::string_view to);  // a second name of a file
  Result<void> remove(std::string_view path);
  Result<void> make_folder(std::string_view path);
  Result<void> remove_folder(std::string_view path);
  Result<void> sync_folder(std::string_view path);
  Result<std::vector<std::string>> list(std::string_view path) const;

  // Bytes of an open file.
  Result<std::size_t> read(Inode file, std::uint64_t at, std::span<std::byte> into) const;
  Result<void> write(Inode file, std::uint64_t at, std::string_view bytes);
  Result<void> truncate(Inode file, std::uint64_t size);
  Result<std::uint64_t> size(Inode file) const;
  // Numbers the writes so far; sync() makes those up to one durable.
  std::uint64_t write_number() const { return writes_; }
  Result<void> sync(Inode file, std::uint64_t up_to);
  // A sync that failed: what it covered may never become durable.
  void fail_sync(Inode file, std::uint64_t up_to);

  std::uint64_t bytes_free(Nanos now) const;
  void power_loss();

  // Misfortunes.
  void full_until(Nanos t) { full_until_ = t; }
  void slow(std::uint32_t times) { slow_ = times; }
  std::uint32_t slow() const { return slow_; }
  void fail_next_syncs(std::uint32_t count) { syncs_to_fail_ = count; }
  void fail_next_reads(std::uint32_t count) { reads_to_fail_ = count; }
  void fail_next_writes(std::uint32_t count) { writes_to_fail_ = count; }
  void stall_until(Nanos t) { stalled_until_ = t; }
  Nanos stalled_until() const { return stalled_until_; }
  // Flips so many bits of what is durable; `where` names the places.  False: all is empty.
  bool rot(std::uint64_t where, std::uint32_t bits);
  bool take_sync_failure() { return syncs_to_fail_ > 0 && syncs_to_fail_-- > 0; }
  bool take_read_failure() { return reads_to_fail_ > 0 && reads_to_fail_-- > 0; }
  bool take_write_failure() { return writes_to_fail_ > 0 && writes_to_fail_-- > 0; }
  void heal();
  void set_now(Nanos now) { now_ = now; }  // before a write: is it full?

  // For checkers: the bytes that a power loss could not take.
  std::optional<std::string> durable_bytes(std::string_view path) const;
  const std::string* durable(std::string_view path) const;  // in place; null: no such file
  std::optional<std::string> bytes(std::string_view path) const;

 private:
  struct Unsynced {
    std::uint64_t number;
    std::uint64_t at;                  // or the new size
    std::optional<std::string> bytes;  // absent: a truncation
  };
  struct File {
    std::string bytes, durable;
    std::vector<Unsynced> unsynced;
    std::uint32_t held = 0;
  };
  using Names = std::map<std::string, Inode, std::less<>>;
  using NameChange = std::vector<std::pair<std::string, std::optional<Inode>>>;  // atomic
  struct Folder {
    Names live, durable;
    std::vector<NameChange> unsynced;
  };
  struct Place {  // where a path leads
    Inode folder;
    std::string name;
    std::optional<Inode> target;
  };

  static void apply(const NameChange& change, Names& names);
  static void apply(const Unsynced& write, std::string& bytes);
  Result<Place> find(std::string_view path) const;
  Result<Inode> find_folder(std::string_view path) const;
  Result<void> check_room(std::uint64_t grow_by) const;
  void change(Inode folder, NameChange change);
  void lose_unsynced(File& file);
  void lose_unsynced(Folder& folder);
  void collect_garbage();

  Dice dice_;
  const std::uint64_t capacity_;
  std::map<Inode, File> files_;
  std::map<Inode, Folder> folders_;
  Inode next_inode_ = 1;
  std::uint64_t writes_ = 0, used_ = 0;
  Nanos now_ = 0, full_until_ = 0, stalled_until_ = 0;
  std::uint32_t slow_ = 1, syncs_to_fail_ = 0, reads_to_fail_ = 0, writes_to_fail_ = 0;
};

}  // namespace perdure::sim
