// engine/wal/segments.h
//
// The files of one stream.  A segment is written once from front to back; when nothing in
// it is wanted its file is kept and becomes a later segment, because overwriting a file
// that has been written is twice as fast as growing one, and far steadier.
//
//     00000004.segment  00000005.segment  00000007.segment  00000002.spare  00000008.new
//     oldest in use     current           ready             raw material    half made
//
//     number               rises, and is never given twice: it is the life of the file
//     in use               have frames, or the one before names them as its next
//     ready                head written, file and name synced, nothing appended yet
//
// What is appended goes only where a file stands ready, zeroed or recycled, so a disk that
// is full is met here, in the background, and never by a frame that was taken.
//
// One fiber at a time prepares and retires; taking a ready segment never parks.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/io/disk.h"
#include "engine/wal/frame.h"

namespace perdure::wal {

struct Segment {
  std::uint32_t number = 0;
  std::uint32_t capacity = 0;  // bytes of the file
  std::unique_ptr<io::File> file;
  std::uint32_t readers = 0;  // fibers that read it now: not to be retired
};

struct SegmentsOptions {
  std::string folder;
  std::uint64_t stream_id = 0;
  std::uint64_t bytes_max = 0;             // of all files together
  std::uint64_t left_to_others_bytes = 0;  // of the disk, when a file is made
};

class Segments {
 public:
  Segments(io::Disk& disk, SegmentsOptions options);

  // Opens what is there.  All segments count as ready until use_first() says better.
  // Errors: corrupt, invalid (another version), failed.
  Result<void> load();
  // The first `count` are in use; the others are ready.
  void use_first(std::size_t count);

  std::size_t in_use() const { return in_use_; }
  std::size_t all() const { return segments_.size(); }
  Segment& at(std::size_t i) { return *segments_[i]; }  // oldest first
  const Segment& at(std::size_t i) const { return *segments_[i]; }
  Segment& current();
  Segment* find(std::uint32_t number);
  std::uint64_t bytes() const;  // on disk, raw material included

  bool has_ready() const { return in_use_ < segments_.size(); }
  const Segment& next_ready() const;
  Segment& take_ready();  // it becomes the current one

  // Makes one more ready.  Error: full, when the disk is or bytes_max is reached.
  Result<void> prepare(std::uint32_t capacity);
  // The oldest in use, not the current one, is wanted no more.
  Result<void> retire_oldest();

 private:
  struct Spare {
    std::uint32_t number = 0;  // in its name
    std::uint32_t capacity = 0;
  };

  Result<void> make_folders();
  Result<void> load_segment(const std::string& name, std::uint32_t number);
  Result<void> make_new(std::uint32_t capacity);
  Result<void> recycle();
  Result<void> finish(std::unique_ptr<io::File> file, const std::string& raw, std::uint32_t number,
                      std::uint32_t capacity);
  Result<void> or_litter(Result<void> made, const std::string& raw, std::uint32_t number);
  Result<void> sweep();
  std::string path(std::uint32_t number, std::string_view ending) const;

  io::Disk& disk_;
  const SegmentsOptions options_;
  std::deque<std::unique_ptr<Segment>> segments_;
  std::size_t in_use_ = 0;
  std::vector<Spare> spares_;
  std::vector<std::string> litter_;  // what a failed prepare() may have left
  std::uint32_t next_number_ = 1;
};

}  // namespace perdure::wal
