#include "sim/rocks/disk_files.h"

#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <utility>
#include <vector>

#include "sim/rocks/disk_env.h"

namespace perdure::sim {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;
using Use = std::shared_ptr<DiskUse>;

// "/disk/tables/db/CURRENT" is tables/db/CURRENT of the disk.
std::string_view on_disk(std::string_view path) {
  if (path.starts_with(DiskEnv::root)) path.remove_prefix(DiskEnv::root.size());
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

IOStatus status_of(const Error& error) {
  switch (error.code) {
    case Code::full: return IOStatus::NoSpace(error.detail);
    case Code::not_found: return IOStatus::PathNotFound(error.detail);
    default: return IOStatus::IOError(error.detail);
  }
}
template <class T>
IOStatus status_of(const Result<T>& result) {
  return result ? IOStatus::OK() : status_of(result.error());
}
IOStatus process_is_gone() { return IOStatus::IOError("the process is gone"); }

// An open file; what the three kinds of RocksDB's have in common.
class Opened {
 public:
  Opened(Use use, DiskStore::Inode inode) : use_(std::move(use)), inode_(inode) {}
  ~Opened() { use_->disk.release(inode_); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  IOStatus read(std::uint64_t at, std::size_t count, Slice* result, char* scratch) const {
    *result = Slice();
    if (use_->gone()) return process_is_gone();
    const auto got =
        use_->at_now().read(inode_, at, std::as_writable_bytes(std::span(scratch, count)));
    if (!got) return status_of(got.error());
    *result = Slice(scratch, *got);
    return IOStatus::OK();
  }
  IOStatus write(std::uint64_t at, const Slice& bytes) {
    if (!use_->may_change()) return process_is_gone();
    return status_of(use_->at_now().write(inode_, at, {bytes.data(), bytes.size()}));
  }
  IOStatus truncate(std::uint64_t size) {
    if (!use_->may_change()) return process_is_gone();
    return status_of(use_->at_now().truncate(inode_, size));
  }
  IOStatus sync() {
    if (!use_->may_change()) return process_is_gone();
    DiskStore& disk = use_->at_now();
    if (!disk.take_sync_failure()) return status_of(disk.sync(inode_, disk.write_number()));
    disk.fail_sync(inode_, disk.write_number());
    return IOStatus::IOError("sync failed: input/output error");
  }

 private:
  const Use use_;
  const DiskStore::Inode inode_;
};

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<Opened> file) : file_(std::move(file)) {}
  IOStatus Read(size_t count, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    const IOStatus status = file_->read(at_, count, result, scratch);
    at_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t count) override {
    at_ += count;
    return IOStatus::OK();
  }

 private:
  const std::unique_ptr<Opened> file_;
  std::uint64_t at_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<Opened> file) : file_(std::move(file)) {}
  IOStatus Read(uint64_t at, size_t count, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return file_->read(at, count, result, scratch);
  }

 private:
  const std::unique_ptr<Opened> file_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::unique_ptr<Opened> file, std::uint64_t size)
      : file_(std::move(file)), size_(size) {}
  using rocksdb::FSWritableFile::Append;
  IOStatus Append(const Slice& bytes, const IOOptions&, IODebugContext*) override {
    const IOStatus status = file_->write(size_, bytes);
    if (status.ok()) size_ += bytes.size();
    return status;
  }
  IOStatus Append(const Slice& bytes, const IOOptions& options,
                  const rocksdb::DataVerificationInfo&, IODebugContext* context) override {
    return Append(bytes, options, context);
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    const IOStatus status = file_->truncate(size);
    if (status.ok()) size_ = size;
    return status;
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return file_->sync(); }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

 private:
  const std::unique_ptr<Opened> file_;
  std::uint64_t size_;
};

class Folder final : public rocksdb::FSDirectory {
 public:
  Folder(Use use, std::string path) : use_(std::move(use)), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    if (!use_->may_change()) return process_is_gone();
    return status_of(use_->at_now().sync_folder(path_));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  const Use use_;
  const std::string path_;
};

class DiskFiles final : public rocksdb::FileSystem {
 public:
  explicit DiskFiles(Use use) : use_(std::move(use)) {}
  const char* Name() const override { return "perdure simulated disk"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* made,
                             IODebugContext*) override {
    return open<SequentialFile>(path, made);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* made,
                               IODebugContext*) override {
    return open<RandomAccessFile>(path, made);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* made,
                           IODebugContext*) override {
    if (!use_->may_change()) return process_is_gone();
    const auto inode = disk().open(on_disk(path), io::Open::create);
    if (!inode) return status_of(inode.error());
    auto file = std::make_unique<Opened>(use_, *inode);
    const IOStatus emptied = file->truncate(0);
    if (emptied.ok()) *made = std::make_unique<WritableFile>(std::move(file), 0);
    return emptied;
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* made,
                              IODebugContext*) override {
    if (use_->gone()) return process_is_gone();
    const auto inode = disk().open(on_disk(path), io::Open::existing);
    if (!inode) return status_of(inode.error());
    const auto size = disk().size(*inode);
    if (!size) return status_of(size.error());
    *made = std::make_unique<WritableFile>(std::make_unique<Opened>(use_, *inode), *size);
    return IOStatus::OK();
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* made, IODebugContext*) override {
    if (use_->gone()) return process_is_gone();
    const auto names = disk().list(on_disk(path));
    if (!names) return status_of(names.error());
    *made = std::make_unique<Folder>(use_, std::string(on_disk(path)));
    return IOStatus::OK();
  }
  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    const auto bytes = disk().bytes(on_disk(path));
    if (bytes || disk().list(on_disk(path))) return IOStatus::OK();
    return IOStatus::NotFound(path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* names,
                       IODebugContext*) override {
    const auto found = disk().list(on_disk(path));
    if (found) *names = *found;
    return status_of(found);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (!use_->may_change()) return process_is_gone();
    return status_of(disk().remove(on_disk(path)));
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (!use_->may_change()) return process_is_gone();
    if (disk().list(on_disk(path))) return IOStatus::IOError("the folder exists");
    return status_of(disk().make_folder(on_disk(path)));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (!use_->may_change()) return process_is_gone();
    return status_of(disk().make_folder(on_disk(path)));
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (!use_->may_change()) return process_is_gone();
    return status_of(disk().remove_folder(on_disk(path)));
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size,
                       IODebugContext*) override {
    const auto bytes = disk().bytes(on_disk(path));
    if (!bytes) return IOStatus::PathNotFound(path);
    *size = bytes->size();
    return IOStatus::OK();
  }
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, uint64_t* time,
                                   IODebugContext*) override {
    *time = use_->now() / second;
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    if (!use_->may_change()) return process_is_gone();
    return status_of(disk().rename(on_disk(from), on_disk(to)));
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions&,
                    IODebugContext*) override {
    if (!use_->may_change()) return process_is_gone();
    return status_of(disk().link(on_disk(from), on_disk(to)));
  }
  IOStatus AreFilesSame(const std::string& one, const std::string& two, const IOOptions&,
                        bool* same, IODebugContext*) override {
    *same = one == two;
    return IOStatus::OK();
  }
  // A process has the disk for itself.
  IOStatus LockFile(const std::string&, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    *lock = new rocksdb::FileLock();
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string* path, IODebugContext*) override {
    *path = std::string(DiskEnv::root) + "/test";
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* absolute,
                           IODebugContext*) override {
    *absolute = path;
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is,
                       IODebugContext*) override {
    *is = disk().list(on_disk(path)).has_value();
    return IOStatus::OK();
  }

 private:
  DiskStore& disk() { return use_->at_now(); }

  template <class File, class Made>
  IOStatus open(const std::string& path, Made* made) {
    if (use_->gone()) return process_is_gone();
    const auto inode = disk().open(on_disk(path), io::Open::existing);
    if (!inode) return status_of(inode.error());
    *made = std::make_unique<File>(std::make_unique<Opened>(use_, *inode));
    return IOStatus::OK();
  }

  const Use use_;
};

class DiskClock final : public rocksdb::SystemClock {
 public:
  explicit DiskClock(Use use) : use_(std::move(use)) {}
  const char* Name() const override { return "perdure simulated clock"; }
  uint64_t NowMicros() override { return use_->now() / 1000; }
  void SleepForMicroseconds(int) override {}
  rocksdb::Status GetCurrentTime(int64_t* seconds) override {
    *seconds = static_cast<int64_t>(use_->now() / second);
    return rocksdb::Status::OK();
  }
  std::string TimeToString(uint64_t time) override { return std::to_string(time); }

 private:
  const Use use_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> make_disk_files(std::shared_ptr<DiskUse> use) {
  return std::make_shared<DiskFiles>(std::move(use));
}

std::shared_ptr<rocksdb::SystemClock> make_disk_clock(std::shared_ptr<DiskUse> use) {
  return std::make_shared<DiskClock>(std::move(use));
}

}  // namespace perdure::sim
