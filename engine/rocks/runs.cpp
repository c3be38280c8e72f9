// Runs into families, and families out to folders and in again.

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <mutex>

#include "engine/rocks/core.h"
#include "engine/rocks/manifest.h"

namespace perdure::rocks {

namespace {

using rocksdb::Status;

// Has the run no rows in the range that it erases?
bool only_erases(const io::Run& run, const io::EraseRange& range) {
  const auto first = std::ranges::lower_bound(run.changes, range.from, {}, &io::Change::key);
  return first == run.changes.end() || first->key >= range.to;
}

}  // namespace

std::string Core::run_path() {
  const std::lock_guard guard(lock_);
  return runs_folder_ + "/" + std::to_string(runs_++);
}

Result<void> Core::ingest(Handle family, const io::Run& run) {
  if (run.changes.empty() && run.erase_ranges.empty()) return {};
  TRY_VOID(resume_if_broken());
  const std::string name = run_path();
  std::vector<std::string> files;
  Result<void> done = write_run(name, run, files);
  const bool much = done && erases_much(family, run);
  // Compaction rests until the files are gone: drop_files() relies on the run's range
  // tombstones lying in a file that it does not drop.
  if (much) db_->PauseBackgroundWork().PermitUncheckedError();
  if (done) done = link_run(family, files);
  if (done && much) done = drop_files(family, run);
  if (much) db_->ContinueBackgroundWork().PermitUncheckedError();
  if (!done) {
    for (const std::string& file : files) env_->DeleteFile(file).PermitUncheckedError();
  }
  return done;
}

// Sorted files, synced: the ranges in one, which spans no more than they do, the rows in
// another.  They are linked in by one record, and the later has the higher sequence
// number: so the ranges count first.
Result<void> Core::write_run(const std::string& name, const io::Run& run,
                             std::vector<std::string>& files) {
  const rocksdb::Options options(*database_options_, *family_options_);
  const auto write = [&](std::string path, auto fill) -> Result<void> {
    files.push_back(std::move(path));
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(options), options, nullptr,
                                  /*invalidate_page_cache=*/false);
    Status status = writer.Open(files.back());
    if (status.ok()) status = fill(writer);
    if (status.ok()) status = writer.Finish();
    if (!status.ok()) return std::unexpected(error_of(status, "write run"));
    return {};
  };
  if (!run.erase_ranges.empty()) {
    TRY_VOID(write(name + "-ranges.sst", [&](rocksdb::SstFileWriter& writer) {
      Status status;
      for (const io::EraseRange& range : run.erase_ranges) {
        if (status.ok()) status = writer.Delete(slice_of(range.from));  // no file without a row
        if (status.ok()) status = writer.DeleteRange(slice_of(range.from), slice_of(range.to));
      }
      return status;
    }));
  }
  if (run.changes.empty()) return {};
  return write(name + "-rows.sst", [&](rocksdb::SstFileWriter& writer) {
    Status status;
    for (const io::Change& change : run.changes) {
      if (!status.ok()) break;
      status = change.value ? writer.Put(slice_of(change.key), slice_of(*change.value))
                            : writer.Delete(slice_of(change.key));
    }
    return status;
  });
}

Result<void> Core::link_run(Handle family, const std::vector<std::string>& files) {
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.write_global_seqno = false;  // a file never changes: exports link it
  const Status status = db_->IngestExternalFile(family, files, options);
  if (!status.ok()) return std::unexpected(error_of(status, "ingest run"));
  return {};
}

bool Core::erases_much(Handle family, const io::Run& run) {
  for (const io::EraseRange& range : run.erase_ranges) {
    const rocksdb::Range asked(slice_of(range.from), slice_of(range.to));
    std::uint64_t bytes = 0;
    rocksdb::SizeApproximationOptions options;
    options.include_files = true;
    const Status status = db_->GetApproximateSizes(options, family, &asked, 1, &bytes);
    if (status.ok() && bytes >= options_.file_bytes) return true;
  }
  return false;
}

// Whole files of nothing but erased keys, dropped without reading them.  What is left of
// the ranges in other files is covered by the run's tombstones until compaction comes;
// their own file ends at `to`, and so is not among the dropped.
Result<void> Core::drop_files(Handle family, const io::Run& run) {
  for (const io::EraseRange& range : run.erase_ranges) {
    if (!only_erases(run, range)) continue;
    const rocksdb::Slice from = slice_of(range.from), to = slice_of(range.to);
    const Status status =
        rocksdb::DeleteFilesInRange(db_.get(), family, &from, &to, /*include_end=*/false);
    if (!status.ok()) return std::unexpected(error_of(status, "drop files"));
  }
  return {};
}

// --- export and import -------------------------------------------------------------------

// The spans of files that hold range tombstones.
Result<std::vector<std::pair<std::string, std::string>>> Core::tombstone_spans(Handle family) {
  rocksdb::TablePropertiesCollection properties;
  const Status status = db_->GetPropertiesOfAllTables(family, &properties);
  if (!status.ok()) return std::unexpected(error_of(status, "look at files"));
  rocksdb::ColumnFamilyMetaData files;
  db_->GetColumnFamilyMetaData(family, &files);
  std::vector<std::pair<std::string, std::string>> spans;
  for (const rocksdb::LevelMetaData& level : files.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      const auto found = properties.find(file.db_path + file.name);
      if (found == properties.end() || found->second->num_range_deletions == 0) continue;
      spans.emplace_back(file.smallestkey, file.largestkey);
    }
  }
  return spans;
}

// RocksDB 7.8 takes a file in by its rows alone and forgets how far its range tombstones
// reach, which would bring erased rows back.  So none leaves the house: what they cover
// is compacted first.  The files that they covered whole are gone already.
Result<void> Core::settle_tombstones(Handle family) {
  for (int attempt = 0; attempt < 4; ++attempt) {
    TRY(spans, tombstone_spans(family));
    if (spans.empty()) return {};
    for (const auto& [first, last] : spans) {
      rocksdb::CompactRangeOptions options;
      options.exclusive_manual_compaction = false;
      options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
      const rocksdb::Slice from(first), to(last);
      const Status status = db_->CompactRange(options, family, &from, &to);
      if (!status.ok()) return std::unexpected(error_of(status, "compact erased ranges"));
    }
  }
  return fail(Code::retry_later, "erased ranges are not compacted yet");
}

Result<void> Core::export_family(Handle family, std::string_view folder) {
  TRY_VOID(settle_tombstones(family));
  const std::string path = options_.data_folder + "/" + std::string(folder);
  rocksdb::Checkpoint* made = nullptr;
  Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  rocksdb::ExportImportFilesMetaData* files = nullptr;
  if (status.ok()) status = checkpoint->ExportColumnFamily(family, path, &files);
  const std::unique_ptr<rocksdb::ExportImportFilesMetaData> owned(files);
  TRY(spans, tombstone_spans(family));
  if (!spans.empty()) return fail(Code::retry_later, "a run with erased ranges came between");
  if (status.ok()) {
    status = rocksdb::WriteStringToFile(env_, manifest_of(*owned),
                                        path + "/" + std::string(manifest_name), true);
  }
  std::unique_ptr<rocksdb::Directory> names;
  if (status.ok()) status = env_->NewDirectory(path, &names);
  if (status.ok()) status = names->Fsync();
  if (!status.ok()) return std::unexpected(error_of(status, "export family"));
  return {};
}

// RocksDB moves the files that it imports, so it is given links of its own.
Result<void> Core::import_family(std::string_view name, std::string_view folder) {
  {
    const std::lock_guard guard(lock_);
    if (handles_.contains(name)) return fail(Code::conflict, "there is such a family");
  }
  const std::string path = options_.data_folder + "/" + std::string(folder);
  std::string text;
  const Status read =
      rocksdb::ReadFileToString(env_, path + "/" + std::string(manifest_name), &text);
  if (!read.ok()) return std::unexpected(error_of(read, "read manifest of export"));
  TRY(files, read_manifest(text));
  const std::string linked = run_path();
  for (rocksdb::LiveFileMetaData& file : files.files) {
    const std::string link = linked + "-" + file.name.substr(1);
    const Status status = env_->LinkFile(path + file.name, link);
    if (!status.ok()) return std::unexpected(error_of(status, "link file of export"));
    file.db_path = runs_folder_;
    file.name = link.substr(runs_folder_.size());
  }
  rocksdb::ImportColumnFamilyOptions options;
  options.move_files = true;
  Handle handle = nullptr;
  const Status status = files.files.empty()
                            ? db_->CreateColumnFamily(*family_options_, std::string(name), &handle)
                            : db_->CreateColumnFamilyWithImport(*family_options_, std::string(name),
                                                                options, files, &handle);
  if (!status.ok()) return std::unexpected(error_of(status, "import family"));
  const std::lock_guard guard(lock_);
  handles_[std::string(name)] = handle;
  return {};
}

}  // namespace perdure::rocks
