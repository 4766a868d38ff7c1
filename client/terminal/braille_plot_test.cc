#include "client/terminal/braille_plot.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

constexpr Palette kPlain = {.colours = false, .bold = false};

std::string Drawn(int width, int height, std::span<const PlotPoint> points) {
  Screen screen(width, height);
  BraillePlot plot({.width = width, .height = height}, {});
  plot.AddSteps(points, {});
  plot.DrawOn(screen);
  return screen.Lines(kPlain);
}

// Two characters: four dots wide, four high.
TEST(BraillePlotTest, ALineAtTheTopAndOneAtTheBottom) {
  const PlotPoint top[] = {{0, 1}, {1, 1}};
  EXPECT_EQ(Drawn(2, 1, top), "⠉⠉\n");
  const PlotPoint bottom[] = {{0, 0}, {1, 0}};
  EXPECT_EQ(Drawn(2, 1, bottom), "⣀⣀\n");
}

TEST(BraillePlotTest, AValueHoldsUpToTheNextPoint) {
  const PlotPoint step[] = {{0, 0}, {1, 1}};
  EXPECT_EQ(Drawn(2, 1, step), "⣀⣸\n");
}

TEST(BraillePlotTest, WhatLiesOutsideIsDrawnAtTheEdge) {
  const PlotPoint outside[] = {{-3, 7}, {9, 7}};
  EXPECT_EQ(Drawn(1, 1, outside), "⠉\n");
}

TEST(BraillePlotTest, RowsGoDownFromTheTop) {
  const BraillePlot plot({.y = 5, .width = 1, .height = 3}, {});
  EXPECT_EQ(plot.RowOf(1), 5);
  EXPECT_EQ(plot.RowOf(0.5), 6);
  EXPECT_EQ(plot.RowOf(0), 7);
}

TEST(BraillePlotTest, NoPointsDrawNothing) { EXPECT_EQ(Drawn(3, 2, {}), ""); }

}  // namespace
}  // namespace merganser
