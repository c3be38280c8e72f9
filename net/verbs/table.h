// net/verbs/table.h
//
// Rows for people: columns as wide as they need, numbers to the right.
//
//     NODE  NAME  PARTITIONS
//     N1:3  n1            24
#pragma once

#include <string>
#include <vector>

namespace perdure::net {

class Table {
 public:
  explicit Table(std::vector<std::string> heads) : rows_{std::move(heads)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the first is the heads
};

}  // namespace perdure::net
