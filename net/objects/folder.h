// net/objects/folder.h
//
// io::Objects in a folder: the bucket of those who have none.  Shared by every process
// of the machine that was given the same folder.
//
//     folder/snapshots%2Fpartition-3%2Fmanifest     one file an object, '/' and other
//     folder/.lock                                   odd bytes of its key as %XX
//     folder/.new-<random>                           a put under way
//
// A put writes a new file, syncs it, and gives it the name in one step: by link() when
// there must be none yet, by rename() otherwise.  Conditions on an etag are compared
// and acted upon under a lock of the folder.  The etag is a fingerprint of the
// content, so the same bytes have the same etag, as with S3.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/io/objects.h"
#include "engine/io/random.h"
#include "net/loop/offload.h"

namespace perdure::net {

class FolderObjects : public io::Objects {
 public:
  FolderObjects(std::string folder, Offload& offload, io::Random& random)
      : folder_(std::move(folder)), offload_(offload), random_(random) {}

  Result<std::string> put(std::string_view key, std::string_view bytes, io::PutIf condition,
                          Instant deadline) override;
  Result<io::Object> get(std::string_view key, Instant deadline) override;
  Result<std::vector<std::string>> list(std::string_view prefix, Instant deadline) override;
  Result<void> remove(std::string_view key, Instant deadline) override;

 private:
  Result<std::string> path_of(std::string_view key) const;

  const std::string folder_;
  Offload& offload_;
  io::Random& random_;
};

}  // namespace perdure::net
