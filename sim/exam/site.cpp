// Where the tree and its build are: find_site() of workshop.h.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "engine/base/bytes.h"
#include "sim/exam/shell.h"
#include "sim/exam/workshop.h"

namespace perdure::sim::exam {

namespace fs = std::filesystem;

namespace {

bool is_tree(const fs::path& folder) {
  return fs::exists(folder / "CMakeLists.txt") && fs::exists(folder / "sim" / "scenario.h");
}

bool is_build(const fs::path& folder) { return fs::exists(folder / "build.ninja"); }

// The tree that a build was configured for.
std::optional<fs::path> tree_of(const fs::path& build) {
  std::ifstream cache(build / "CMakeCache.txt");
  for (std::string line; std::getline(cache, line);) {
    constexpr std::string_view key = "CMAKE_HOME_DIRECTORY:INTERNAL=";
    if (line.starts_with(key)) return fs::path(line.substr(key.size()));
  }
  return std::nullopt;
}

// This folder or the nearest above it.
std::optional<fs::path> upwards(fs::path folder, bool (*fits)(const fs::path&)) {
  while (true) {
    if (fits(folder)) return folder;
    if (!folder.has_parent_path() || folder.parent_path() == folder) return std::nullopt;
    folder = folder.parent_path();
  }
}

}  // namespace

Result<Site> find_site(const std::optional<fs::path>& source, const std::optional<fs::path>& build,
                       const std::optional<fs::path>& work, std::uint32_t jobs) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  Site site = {.jobs = jobs};
  std::optional<fs::path> found_build =
      build ? std::optional(fs::absolute(*build)) : upwards(self.parent_path(), is_build);
  std::optional<fs::path> found_tree;
  if (source) {
    found_tree = fs::absolute(*source);
  } else {
    if (found_build) found_tree = tree_of(*found_build);
    if (!found_tree || !is_tree(*found_tree)) found_tree = upwards(fs::current_path(), is_tree);
  }
  if (!found_tree || !is_tree(*found_tree)) {
    return fail(Code::not_found, "no source tree here; name it by --source");
  }
  site.source = fs::canonical(*found_tree);
  if (!build && found_build && tree_of(*found_build) != site.source) found_build.reset();
  if (!found_build && is_build(site.source / "build" / "release")) {
    found_build = site.source / "build" / "release";
  }
  if (work) {
    site.work = fs::absolute(*work);
  } else {
    site.work = fs::temp_directory_path() / fmt::format("perdure-exam-{}-{:08x}", ::getuid(),
                                                        hash64(site.source.string()) & 0xffffffff);
  }
  const std::string inside = fs::relative(site.work, site.source).string();
  const bool ours = !inside.starts_with("..") && !inside.starts_with("build");
  if (ours) return fail(Code::invalid, "--work must lie outside of the source tree");
  fs::create_directories(site.work, error);
  if (error) return fail(Code::failed, "cannot make " + site.work.string());
  if (!found_build) {
    site.build = site.work / "normal";
    const Ran configured =
        run_command(fmt::format("cmake -S {} -B {} -G Ninja", shell_word(site.source.string()),
                                shell_word(site.build.string())));
    if (!configured.ok()) return fail(Code::failed, "cmake: " + configured.output);
  } else {
    site.build = fs::canonical(*found_build);
  }
  return site;
}

}  // namespace perdure::sim::exam
