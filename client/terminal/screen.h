// A rectangle of characters that is drawn at once.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace merganser {

// The eight colours that every terminal has, and its own.
enum class Colour : uint8_t {
  kDefault,
  kRed,
  kGreen,
  kYellow,
  kBlue,
  kMagenta,
  kCyan,
  kGrey,
};

struct Style {
  Colour colour = Colour::kDefault;
  bool bold = false;

  friend bool operator==(const Style&, const Style&) = default;
};

// What the terminal can show.
struct Palette {
  bool colours = true;
  bool bold = true;
  bool unicode = true;  // false: ASCII in place of blocks, lines and braille
};

// Threads: none.
class Screen {
 public:
  static constexpr int kToTheEnd = std::numeric_limits<int>::max();

  // Both at least 1; blank.
  Screen(int width, int height);

  int width() const { return width_; }
  int height() const { return height_; }

  // Writes UTF-8 from column x on, at most `most` columns and up to the
  // end of the row; what is cut ends with "…". Characters that are not of one
  // column, control characters and bytes that are no UTF-8 become "?". Returns
  // the column behind it. Outside the screen nothing happens.
  int Write(int x, int y, std::string_view text, Style style = {},
            int most = kToTheEnd);
  void Put(int x, int y, char32_t character, Style style = {});

  // Each row at its place, with colours and all columns written, so that what
  // was there before is gone.
  std::string Redraw(const Palette& palette) const;
  // Lines without spaces at their ends, and without empty lines at the end.
  std::string Lines(const Palette& palette) const;

 private:
  struct Cell {
    char32_t character = U' ';
    Style style;
  };

  void AppendRow(int y, int end, const Palette& palette,
                 std::string& out) const;

  int width_;
  int height_;
  std::vector<Cell> cells_;
};

// Columns that Write() would take.
int ColumnsOf(std::string_view text);

}  // namespace merganser
