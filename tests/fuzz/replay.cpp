// Feeds a fuzz target what a folder holds, and mutations of it that are the same on every
// run: enough to notice a decoder that a change has broken.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void feed(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

std::string mutated(std::string bytes, const std::string& other, std::mt19937& chance) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : chance() % n; };
  for (std::size_t i = 0, times = 1 + below(4); i < times; ++i) {
    const std::size_t at = below(bytes.size());
    switch (below(5)) {
      case 0:
        if (!bytes.empty()) bytes[at] = static_cast<char>(chance());
        break;
      case 1: bytes.insert(at, 1, static_cast<char>(chance())); break;
      case 2: bytes.erase(at, 1 + below(4)); break;
      case 3: bytes.resize(at); break;
      case 4: bytes.insert(at, other.substr(below(other.size()))); break;
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]), 2;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  for (const std::string& bytes : corpus) feed(bytes);
  std::mt19937 chance(1);
  constexpr int rounds = 20'000;
  for (int i = 0; i < rounds && !corpus.empty(); ++i) {
    feed(mutated(corpus[chance() % corpus.size()], corpus[chance() % corpus.size()], chance));
  }
  std::printf("%zu inputs and %d mutations\n", corpus.size(), rounds);
  return corpus.empty() ? 1 : 0;
}
