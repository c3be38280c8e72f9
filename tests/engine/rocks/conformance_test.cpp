#include "tests/engine/rocks/rocks_host.h"
#include "tests/io/tables_conformance.h"

namespace tests {

std::unique_ptr<TablesHost> make_rocks_host() { return std::make_unique<RocksHost>(); }

INSTANTIATE_TEST_SUITE_P(Rocks, TablesConformance, testing::Values(&make_rocks_host));

}  // namespace tests
