#include "sim/rocks/disk_env.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "sim/rocks/disk_files.h"

namespace perdure::sim {

namespace {

using rocksdb::Status;

thread_local DiskEnv* current = nullptr;

class Folder final : public rocksdb::Directory {
 public:
  explicit Folder(std::unique_ptr<rocksdb::FSDirectory> folder) : folder_(std::move(folder)) {}
  Status Fsync() override { return folder_->Fsync({}, nullptr); }

 private:
  const std::unique_ptr<rocksdb::FSDirectory> folder_;
};

Status only_the_file_system_does() { return Status::NotSupported("ask the file system"); }

}  // namespace

// --- the library's Env ------------------------------------------------------------------------

class DiskEnv::Env final : public rocksdb::Env {
 public:
  Env(DiskEnv& ours, const std::shared_ptr<DiskUse>& use)
      : rocksdb::Env(make_disk_files(use), make_disk_clock(use)), ours_(ours) {}

  const char* Name() const override { return "perdure simulated disk"; }

  void Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                void (*unschedule)(void*)) override {
    queue_.push_back({function, argument, priority, tag, unschedule});
    ours_.parts_.queued();
  }
  int UnSchedule(void* tag, Priority priority) override {
    int count = 0;
    for (std::size_t i = 0; i < queue_.size();) {
      if (queue_[i].tag != tag || queue_[i].priority != priority) {
        ++i;
        continue;
      }
      const Job job = queue_[i];
      queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(i));
      if (job.unschedule != nullptr) job.unschedule(job.argument);
      ++count;
    }
    return count;
  }
  bool run_one() {
    if (queue_.empty()) return false;
    const Job job = queue_.front();
    queue_.pop_front();
    job.function(job.argument);
    return true;
  }
  void StartThread(void (*)(void*), void*) override {
    const bool the_library_starts_threads = true;
    CHECK(!the_library_starts_threads);
  }
  unsigned int GetThreadPoolQueueLen(Priority) const override {
    return static_cast<unsigned int>(queue_.size());
  }
  void SetBackgroundThreads(int, Priority) override {}
  int GetBackgroundThreads(Priority) override { return 1; }
  void IncBackgroundThreadsIfNeeded(int, Priority) override {}

  std::uint64_t NowMicros() override { return ours_.parts_.now() / 1000; }
  void SleepForMicroseconds(int) override {}
  Status GetCurrentTime(std::int64_t* seconds) override {
    return GetSystemClock()->GetCurrentTime(seconds);
  }
  std::string TimeToString(std::uint64_t time) override { return std::to_string(time); }
  std::string GenerateUniqueId() override { return ours_.next_session_id(); }
  std::uint64_t GetThreadID() const override { return 1; }
  Status GetHostName(char* name, std::uint64_t size) override {
    const std::string_view simulated = "simulated";
    if (size <= simulated.size()) return Status::InvalidArgument("too short");
    std::ranges::copy(simulated, name);
    name[simulated.size()] = 0;
    return Status::OK();
  }

  // What engine/rocks calls of files; the library itself asks the FileSystem.
  Status NewDirectory(const std::string& path, std::unique_ptr<rocksdb::Directory>* made) override {
    std::unique_ptr<rocksdb::FSDirectory> folder;
    const Status status = files().NewDirectory(path, {}, &folder, nullptr);
    if (status.ok()) *made = std::make_unique<Folder>(std::move(folder));
    return status;
  }
  Status FileExists(const std::string& path) override {
    return files().FileExists(path, {}, nullptr);
  }
  Status GetChildren(const std::string& path, std::vector<std::string>* names) override {
    return files().GetChildren(path, {}, names, nullptr);
  }
  Status DeleteFile(const std::string& path) override {
    return files().DeleteFile(path, {}, nullptr);
  }
  Status CreateDir(const std::string& path) override {
    return files().CreateDir(path, {}, nullptr);
  }
  Status CreateDirIfMissing(const std::string& path) override {
    return files().CreateDirIfMissing(path, {}, nullptr);
  }
  Status DeleteDir(const std::string& path) override {
    return files().DeleteDir(path, {}, nullptr);
  }
  Status GetFileSize(const std::string& path, std::uint64_t* size) override {
    return files().GetFileSize(path, {}, size, nullptr);
  }
  Status GetFileModificationTime(const std::string& path, std::uint64_t* time) override {
    return files().GetFileModificationTime(path, {}, time, nullptr);
  }
  Status RenameFile(const std::string& from, const std::string& to) override {
    return files().RenameFile(from, to, {}, nullptr);
  }
  Status LinkFile(const std::string& from, const std::string& to) override {
    return files().LinkFile(from, to, {}, nullptr);
  }
  Status LockFile(const std::string& path, rocksdb::FileLock** lock) override {
    return files().LockFile(path, {}, lock, nullptr);
  }
  Status UnlockFile(rocksdb::FileLock* lock) override {
    return files().UnlockFile(lock, {}, nullptr);
  }
  Status GetTestDirectory(std::string* path) override {
    return files().GetTestDirectory({}, path, nullptr);
  }
  Status GetAbsolutePath(const std::string& path, std::string* absolute) override {
    return files().GetAbsolutePath(path, {}, absolute, nullptr);
  }
  Status NewSequentialFile(const std::string&, std::unique_ptr<rocksdb::SequentialFile>*,
                           const rocksdb::EnvOptions&) override {
    return only_the_file_system_does();
  }
  Status NewRandomAccessFile(const std::string&, std::unique_ptr<rocksdb::RandomAccessFile>*,
                             const rocksdb::EnvOptions&) override {
    return only_the_file_system_does();
  }
  Status NewWritableFile(const std::string&, std::unique_ptr<rocksdb::WritableFile>*,
                         const rocksdb::EnvOptions&) override {
    return only_the_file_system_does();
  }

 private:
  struct Job {
    void (*function)(void*);
    void* argument;
    Priority priority;
    void* tag;
    void (*unschedule)(void*);
  };
  rocksdb::FileSystem& files() { return *GetFileSystem(); }

  DiskEnv& ours_;
  std::deque<Job> queue_;
};

// --- ours -------------------------------------------------------------------------------------

DiskEnv::DiskEnv(Parts parts)
    : parts_(std::move(parts)),
      use_(std::make_shared<DiskUse>(DiskUse{.disk = parts_.disk, .now = parts_.now})),
      skiplist_seed_(static_cast<std::uint32_t>(parts_.seed % 0x7fffffff) | 1),
      env_(std::make_unique<Env>(*this, use_)) {
  link_replaced_symbols();
}

DiskEnv::~DiskEnv() { CHECK(current != this); }

rocksdb::Env* DiskEnv::env() { return env_.get(); }

DiskEnv* DiskEnv::entered() { return current; }

DiskEnv::Entered::Entered(DiskEnv& env) : before_(std::exchange(current, &env)) {}
DiskEnv::Entered::~Entered() { current = before_; }

bool DiskEnv::run_one() {
  const Entered here(*this);
  return env_->run_one();
}

void DiskEnv::cut_after(std::uint64_t changes) {
  use_->changes_left = std::min(use_->changes_left, changes);
}

// Twenty of [0-9A-Z], which is the form that the library expects.
std::string DiskEnv::next_session_id() {
  std::string id(20, '0');
  std::uint64_t number = parts_.seed ^ (++sessions_ * 0x9E3779B97F4A7C15u);
  for (char& c : id) {
    c = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % 36];
    number = number / 36 + (number % 36 + 1) * 0x2545F4914F6CDD1Du;
  }
  return id;
}

}  // namespace perdure::sim
