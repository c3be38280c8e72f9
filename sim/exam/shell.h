// sim/exam/shell.h
//
// Runs other programs: compilers and build tools, whose words are read as a whole.
#pragma once

#include <string>
#include <string_view>

namespace perdure::sim::exam {

struct Ran {
  int status = -1;     // exit code; -1: it did not start or was killed
  std::string output;  // both streams
  bool ok() const { return status == 0; }
};
// By /bin/sh.
Ran run_command(const std::string& command);

std::string shell_word(std::string_view text);  // one word for the shell

}  // namespace perdure::sim::exam
