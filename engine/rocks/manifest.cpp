#include "engine/rocks/manifest.h"

#include <rocksdb/metadata.h>

#include <charconv>
#include <sstream>

#include "engine/base/bytes.h"

namespace perdure::rocks {

namespace {

constexpr std::string_view version_line = "perdure family export 1";

std::string checksum_line(std::string_view text) {
  return "checksum " + std::to_string(hash64(text)) + "\n";
}

}  // namespace

std::string manifest_of(const rocksdb::ExportImportFilesMetaData& files) {
  std::ostringstream out;
  out << version_line << "\n" << files.db_comparator_name << "\n";
  for (const rocksdb::LiveFileMetaData& file : files.files) {
    out << file.name.substr(1) << " " << file.level << " " << file.size << " "
        << file.smallest_seqno << " " << file.largest_seqno << "\n";
  }
  std::string text = out.str();
  return text + checksum_line(text);
}

Result<rocksdb::ExportImportFilesMetaData> read_manifest(std::string_view text) {
  const auto last_line = text.rfind("checksum ");
  if (last_line == text.npos ||
      text.substr(last_line) != checksum_line(text.substr(0, last_line))) {
    return fail(Code::corrupt, "manifest of an export does not match its checksum");
  }
  std::istringstream in{std::string(text.substr(0, last_line))};
  rocksdb::ExportImportFilesMetaData files;
  std::string line;
  std::getline(in, line);
  if (line != version_line) return fail(Code::invalid, "unknown form of export: " + line);
  std::getline(in, files.db_comparator_name);
  while (std::getline(in, line)) {
    std::istringstream words(line);
    rocksdb::LiveFileMetaData file;
    words >> file.name >> file.level >> file.size >> file.smallest_seqno >> file.largest_seqno;
    if (!words) return fail(Code::corrupt, "manifest of an export has an odd line: " + line);
    file.name.insert(0, "/");  // as RocksDB has it
    files.files.push_back(std::move(file));
  }
  return files;
}

}  // namespace perdure::rocks
