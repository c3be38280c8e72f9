#include "engine/base/percent.h"

#include <gtest/gtest.h>

namespace perdure {
namespace {

TEST(Percent, EscapesAreBytes) {
  EXPECT_EQ(percent_decode("a%2Fb%2fc"), "a/b/c");
  EXPECT_EQ(percent_decode("%E2%82%AC"), "\u20ac");
  EXPECT_EQ(percent_decode("%00").size(), 1u);
}

TEST(Percent, WhatIsNoEscapeStays) {
  EXPECT_EQ(percent_decode("100%"), "100%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%4g"), "%zz%4g");
  EXPECT_EQ(percent_decode("%%41"), "%A");
}

TEST(Percent, OnlyFormsWriteBlanksAsPlus) {
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(form_decode("a+b%2B"), "a b+");
}

}  // namespace
}  // namespace perdure
