// net/disk/scratch.h
//
// io::Disk over a folder that must stay as it is: reads come from the folder, writes are kept
// in memory and gone with the value.  So what a server does to its data directory when it
// starts can be done by somebody who only wants to look.
//
//     folder      a.segment [ ......... ]        opened for reading only
//     memory                    [ blocks written ]      names made, renamed, removed
//
// It blocks instead of parking: for programs that have nothing else to do.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/disk.h"

namespace perdure::net {

class ScratchDisk final : public io::Disk {
 public:
  explicit ScratchDisk(std::string root) : root_(std::move(root)) {}

  Result<std::unique_ptr<io::File>> open(std::string_view path, io::Open) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view path) override;
  Result<void> make_folder(std::string_view path) override;
  Result<void> remove_folder(std::string_view path) override;  // error: invalid, always
  Result<void> sync_folder(std::string_view path) override;
  Result<std::vector<std::string>> list(std::string_view path) override;
  Result<std::uint64_t> bytes_free() override;

 private:
  class Content;
  class OpenFile;

  std::string full(std::string_view path) const { return root_ + "/" + std::string(path); }
  // Nothing when there is no such file.
  Result<std::shared_ptr<Content>> find(std::string_view path);

  const std::string root_;
  std::map<std::string, std::shared_ptr<Content>, std::less<>> files_;  // nullptr: removed
  std::set<std::string, std::less<>> folders_;                          // made here
};

}  // namespace perdure::net
