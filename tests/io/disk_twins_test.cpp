#include <rapidcheck.h>

#include "engine/base/bytes.h"
#include "tests/io/twins.h"

namespace perdure::io {
namespace {

class DiskTwins : public OnTwin {
 protected:
  std::string read_all(File& file) {
    const auto size = file.size();
    EXPECT_TRUE(size);
    std::string bytes(*size + 10, '?');  // more than there is: short at the end
    const auto count = file.read(0, std::as_writable_bytes(std::span(bytes)));
    EXPECT_TRUE(count) << count.error().detail;
    bytes.resize(*count);
    return bytes;
  }
};

TEST_P(DiskTwins, ReadsWhatItWrote) {
  run([&] {
    auto file = disk().open("a", Open::create);
    ASSERT_TRUE(file) << file.error().detail;
    EXPECT_EQ(*(*file)->size(), 0U);
    EXPECT_TRUE((*file)->write(0, as_bytes("hello world")));
    EXPECT_TRUE((*file)->write(6, as_bytes("there")));
    EXPECT_EQ(read_all(**file), "hello there");
    EXPECT_TRUE((*file)->sync());
    EXPECT_TRUE((*file)->write_and_sync(11, as_bytes("!")));
    EXPECT_EQ(read_all(**file), "hello there!");
    std::string middle(5, '?');
    EXPECT_EQ(*(*file)->read(6, std::as_writable_bytes(std::span(middle))), 5U);
    EXPECT_EQ(middle, "there");
    EXPECT_EQ(*(*file)->read(12, std::as_writable_bytes(std::span(middle))), 0U);
    EXPECT_EQ(*(*file)->read(99, std::as_writable_bytes(std::span(middle))), 0U);
  });
}

TEST_P(DiskTwins, GrowsWithZerosAndShrinks) {
  run([&] {
    auto file = disk().open("a", Open::create);
    ASSERT_TRUE(file);
    EXPECT_TRUE((*file)->write(3, as_bytes("x")));
    EXPECT_EQ(read_all(**file), std::string("\0\0\0x", 4));
    EXPECT_TRUE((*file)->truncate(2));
    EXPECT_EQ(*(*file)->size(), 2U);
    EXPECT_TRUE((*file)->truncate(5));
    EXPECT_EQ(read_all(**file), std::string(5, '\0'));
  });
}

TEST_P(DiskTwins, OpensAsAsked) {
  run([&] {
    EXPECT_EQ(disk().open("a", Open::existing).error().code, Code::not_found);
    EXPECT_TRUE(disk().open("a", Open::create_new));
    EXPECT_EQ(disk().open("a", Open::create_new).error().code, Code::conflict);
    auto again = disk().open("a", Open::create);
    ASSERT_TRUE(again);
    EXPECT_TRUE((*again)->write(0, as_bytes("kept")));
    again = disk().open("a", Open::create);
    ASSERT_TRUE(again);
    EXPECT_EQ(read_all(**again), "kept");
    EXPECT_TRUE(disk().open("a", Open::existing));
    EXPECT_EQ(disk().open("no/a", Open::create).error().code, Code::not_found);
  });
}

TEST_P(DiskTwins, RenamesAndRemoves) {
  run([&] {
    auto file = disk().open("a", Open::create);
    ASSERT_TRUE(file && (*file)->write(0, as_bytes("A")));
    auto other = disk().open("b", Open::create);
    ASSERT_TRUE(other && (*other)->write(0, as_bytes("B")));
    EXPECT_TRUE(disk().rename("a", "b"));
    EXPECT_TRUE(disk().sync_folder(""));
    EXPECT_EQ(disk().open("a", Open::existing).error().code, Code::not_found);
    EXPECT_EQ(read_all(**disk().open("b", Open::existing)), "A");
    EXPECT_EQ(read_all(**other), "B");  // open files outlive their names
    EXPECT_TRUE(disk().remove("b"));
    EXPECT_EQ(disk().remove("b").error().code, Code::not_found);
    EXPECT_EQ(disk().rename("b", "c").error().code, Code::not_found);
    EXPECT_EQ(read_all(**file), "A");
  });
}

TEST_P(DiskTwins, KeepsFolders) {
  run([&] {
    EXPECT_TRUE(disk().make_folder("logs"));
    EXPECT_TRUE(disk().make_folder("logs"));
    EXPECT_TRUE(disk().make_folder("logs/old"));
    EXPECT_TRUE(disk().open("logs/2", Open::create));
    EXPECT_TRUE(disk().open("logs/10", Open::create));
    EXPECT_EQ(*disk().list("logs"), (std::vector<std::string>{"10", "2", "old"}));
    EXPECT_TRUE(disk().rename("logs/2", "logs/old/2"));
    EXPECT_EQ(*disk().list("logs/old"), std::vector<std::string>{"2"});
    EXPECT_TRUE(disk().sync_folder("logs/old"));
    EXPECT_TRUE(disk().remove_folder("logs"));
    EXPECT_EQ(disk().list("logs").error().code, Code::not_found);
    EXPECT_EQ(disk().remove_folder("logs").error().code, Code::not_found);
    EXPECT_EQ(disk().make_folder("no/such").error().code, Code::not_found);
    EXPECT_EQ(*disk().list(""), std::vector<std::string>{});
  });
}

TEST_P(DiskTwins, NoPathLeadsOut) {
  run([&] {
    for (const char* path : {"../a", "/etc/passwd", "a/../../b", ".."}) {
      EXPECT_EQ(disk().open(path, Open::create).error().code, Code::invalid) << path;
      EXPECT_EQ(disk().list(path).error().code, Code::invalid) << path;
    }
  });
}

TEST_P(DiskTwins, SaysHowMuchIsFree) {
  run([&] { EXPECT_GT(disk().bytes_free().value_or(0), 1'000'000U); });
}

// Several fibers write one file at once, as a log does with its segments.
TEST_P(DiskTwins, SeveralFibersWriteSideBySide) {
  run([&] {
    auto file = disk().open("a", Open::create);
    ASSERT_TRUE(file);
    Group group(fibers());
    for (std::size_t i = 0; i < 20; ++i) {
      group.start("writes", [&, i] {
        const std::string piece(100, static_cast<char>('a' + i));
        EXPECT_TRUE((*file)->write_and_sync(i * 100, as_bytes(piece)));
      });
    }
    group.join();
    const std::string all = read_all(**file);
    ASSERT_EQ(all.size(), 2000U);
    for (std::size_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(all[i], static_cast<char>('a' + i / 100));
    }
  });
}

// Any sequence of calls leaves a file as a string would be.
TEST_P(DiskTwins, AFileIsAString) {
  struct Op {
    int kind;
    std::uint16_t at;
    std::string bytes;
  };
  EXPECT_TRUE(rc::check([&] {
    const auto draw_op =
        rc::gen::construct<Op>(rc::gen::inRange(0, 4), rc::gen::inRange<std::uint16_t>(0, 3000),
                               rc::gen::string<std::string>());
    const auto ops = *rc::gen::container<std::vector<Op>>(draw_op);
    std::string model, found;
    bool all_fine = true;  // an exception of rapidcheck may not leave a fiber
    run([&] {
      auto file = disk().open("model", Open::create);
      all_fine = file.has_value() && (*file)->truncate(0).has_value();
      for (const Op& op : ops) {
        if (op.kind == 0) {
          all_fine &= (*file)->truncate(op.at).has_value();
          model.resize(op.at, '\0');
        } else if (op.kind == 1) {
          all_fine &= (*file)->sync().has_value();
        } else if (!op.bytes.empty()) {
          const auto bytes = as_bytes(op.bytes);
          const auto done =
              op.kind == 2 ? (*file)->write(op.at, bytes) : (*file)->write_and_sync(op.at, bytes);
          all_fine &= done.has_value();
          model.resize(std::max(model.size(), op.at + op.bytes.size()), '\0');
          model.replace(op.at, op.bytes.size(), op.bytes);
        }
      }
      found = read_all(**file);
    });
    RC_ASSERT(all_fine);
    RC_ASSERT(found == model);
  }));
}

ON_ALL_TWINS(DiskTwins);

}  // namespace
}  // namespace perdure::io
