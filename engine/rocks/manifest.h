// engine/rocks/manifest.h
//
// What an exported folder says of its files, as text with a checksum: level and
// sequence numbers, without which a file cannot be taken in again.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace rocksdb {
struct ExportImportFilesMetaData;
}

namespace perdure::rocks {

inline constexpr std::string_view manifest_name = "family";

std::string manifest_of(const rocksdb::ExportImportFilesMetaData& files);
// Errors: corrupt; invalid for a version that we do not know.
Result<rocksdb::ExportImportFilesMetaData> read_manifest(std::string_view text);

}  // namespace perdure::rocks
