// net/disk/file.h
//
// One open file.  See disk.h.
#pragma once

#include <string>

#include "engine/io/disk.h"
#include "net/loop/fd.h"
#include "net/loop/offload.h"

namespace perdure::net {

class FolderFile : public io::File {
 public:
  FolderFile(std::string path, Fd file, Offload& syncs, Offload& others)
      : path_(std::move(path)), file_(std::move(file)), syncs_(syncs), others_(others) {}
  ~FolderFile() override;

  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> into) override;
  Result<void> write(std::uint64_t at, std::span<const std::byte> bytes) override;
  Result<void> sync() override;
  Result<void> write_and_sync(std::uint64_t at, std::span<const std::byte> bytes) override;
  Result<std::uint64_t> size() override;
  Result<void> truncate(std::uint64_t size) override;

 private:
  std::unexpected<Error> failed(std::string_view doing, int error) const;

  const std::string path_;  // for people
  Fd file_;
  Offload& syncs_;
  Offload& others_;
};

}  // namespace perdure::net
