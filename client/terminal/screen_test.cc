#include "client/terminal/screen.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

constexpr Palette kPlain = {.colours = false, .bold = false};

TEST(ScreenTest, WritesWhereItIsTold) {
  Screen screen(10, 3);
  EXPECT_EQ(screen.Write(2, 1, "ab·c"), 6);
  EXPECT_EQ(screen.Lines(kPlain), "\n  ab·c\n");
}

TEST(ScreenTest, CutsAtTheEndAndSaysSo) {
  Screen screen(5, 1);
  screen.Write(1, 0, "abcdef");
  EXPECT_EQ(screen.Lines(kPlain), " abc…\n");
}

TEST(ScreenTest, WhatFitsJustIsNotCut) {
  Screen screen(10, 1);
  screen.Write(0, 0, "abc", {}, 3);
  screen.Write(4, 0, "abcd", {}, 3);
  EXPECT_EQ(screen.Lines(kPlain), "abc ab…\n");
}

TEST(ScreenTest, OutsideNothingHappens) {
  Screen screen(3, 2);
  screen.Write(0, 2, "x");
  screen.Write(3, 0, "x");
  screen.Write(0, -1, "x");
  screen.Put(-1, 0, U'x');
  EXPECT_EQ(screen.Lines(kPlain), "");
}

TEST(ScreenTest, NoTextCanSteerTheTerminal) {
  const std::pair<const char*, const char*> rows[] = {
      {"\x1b[2Jx", "?[2Jx\n"},    // an escape sequence
      {"a\nb\rc\t", "a?b?c?\n"},  // control characters
      {"\xc2\x9b"
       "31m",
       "?31m\n"},  // CSI of eight bits
      {"\xe2\x80\xae"
       "abc",
       "?abc\n"},                        // right to left
      {"e\xcc\x81", "e?\n"},             // a combining accent
      {"\xe6\xbc\xa2", "?\n"},           // two columns wide
      {"\xff\xc3", "??\n"},              // no UTF-8
      {"\xc0\xaf\xed\xa0\x80", "???\n"}  // overlong; a surrogate
  };
  for (const auto& [text, shown] : rows) {
    Screen screen(20, 1);
    screen.Write(0, 0, text);
    EXPECT_EQ(screen.Lines(kPlain), shown);
  }
}

TEST(ScreenTest, WithoutColoursThereAreNone) {
  Screen screen(4, 1);
  screen.Write(0, 0, "ab", {.colour = Colour::kRed});
  EXPECT_EQ(screen.Redraw(kPlain), "\x1b[1;1Hab  ");
  EXPECT_EQ(screen.Redraw({}), "\x1b[1;1H\x1b[0;31mab\x1b[0m  ");
  screen.Write(0, 0, "ab", {.colour = Colour::kRed, .bold = true});
  EXPECT_EQ(screen.Redraw({.colours = false}), "\x1b[1;1H\x1b[0;1mab\x1b[0m  ");
}

TEST(ScreenTest, ARedrawWritesEveryColumn) {
  Screen screen(3, 2);
  screen.Write(0, 1, "x");
  EXPECT_EQ(screen.Redraw(kPlain), "\x1b[1;1H   \x1b[2;1Hx  ");
}

TEST(ScreenTest, WithoutUnicodeThereIsAsciiAlone) {
  Screen screen(20, 1);
  screen.Write(0, 0, "█▓▒░│─→…⣿é");
  EXPECT_EQ(screen.Lines({.colours = false, .bold = false, .unicode = false}),
            "#+-.|->.*?\n");
}

TEST(ScreenTest, CountsColumnsNotBytes) {
  EXPECT_EQ(ColumnsOf("a·b"), 3);
  EXPECT_EQ(ColumnsOf(""), 0);
}

}  // namespace
}  // namespace merganser
