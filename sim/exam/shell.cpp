#include "sim/exam/shell.h"

#include <sys/wait.h>

#include <cstdio>

namespace perdure::sim::exam {

Ran run_command(const std::string& command) {
  Ran ran;
  std::FILE* pipe = ::popen(("{ " + command + "\n} 2>&1").c_str(), "re");
  if (pipe == nullptr) return ran;
  char some[65536];
  for (std::size_t count; (count = std::fread(some, 1, sizeof some, pipe)) > 0;) {
    ran.output.append(some, count);
  }
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) ran.status = WEXITSTATUS(status);
  return ran;
}

std::string shell_word(std::string_view text) {
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

}  // namespace perdure::sim::exam
