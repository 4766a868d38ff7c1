#include "client/terminal/screen.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

constexpr char32_t kUnknown = U'?';

struct Range {
  char32_t first;
  char32_t last;
};

// Characters that take one column everywhere and change nothing around them.
constexpr Range kPlain[] = {
    {0x20, 0x7e},     {0xa1, 0xac},     {0xae, 0x2ff},    {0x370, 0x377},
    {0x384, 0x482},   {0x48a, 0x52f},   {0x2010, 0x2027}, {0x2030, 0x205e},
    {0x20a0, 0x20bf}, {0x2190, 0x21ff}, {0x2200, 0x22ff}, {0x2500, 0x25a0},
    {0x2800, 0x28ff}};

bool IsPlain(char32_t character) {
  return std::any_of(
      std::begin(kPlain), std::end(kPlain), [&](const Range& range) {
        return range.first <= character && character <= range.last;
      });
}

int LengthOf(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  if (first >= 0xf0 && first < 0xf5) return 4;
  return 0;
}

// The characters of a text, those that cannot be shown replaced.
std::u32string Characters(std::string_view text) {
  std::u32string characters;
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const size_t length = LengthOf(first);
    char32_t character = length == 1 ? first : first & (0x7f >> length);
    bool valid = length > 0 && length <= text.size();
    for (size_t i = 1; valid && i < length; ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      valid = (byte & 0xc0) == 0x80;
      character = character << 6 | (byte & 0x3f);
    }
    characters.push_back(valid && IsPlain(character) ? character : kUnknown);
    text.remove_prefix(valid ? length : 1);
  }
  return characters;
}

void AppendUtf8(char32_t character, std::string& out) {
  if (character < 0x80) {
    out.push_back(static_cast<char>(character));
  } else if (character < 0x800) {
    out.push_back(static_cast<char>(0xc0 | character >> 6));
    out.push_back(static_cast<char>(0x80 | (character & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xe0 | character >> 12));
    out.push_back(static_cast<char>(0x80 | (character >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (character & 0x3f)));
  }
}

char Ascii(char32_t character) {
  if (character < 0x80) return static_cast<char>(character);
  switch (character) {
    case U'█':
      return '#';
    case U'▓':
      return '+';
    case U'▒':
      return '-';
    case U'░':
    case U'…':
    case U'·':
    case U'\u2800':
      return '.';
    case U'─':
    case U'–':
      return '-';
    case U'│':
      return '|';
    case U'→':
      return '>';
    case U'×':
      return 'x';
    default:
      if (character >= 0x2800 && character <= 0x28ff) return '*';
      if (character >= 0x2588 && character <= 0x258f) return '#';
      return '?';
  }
}

std::string SgrOf(const Style& style, const Palette& palette) {
  std::string codes = "0";
  if (palette.bold && style.bold) absl::StrAppend(&codes, ";1");
  if (palette.colours && style.colour != Colour::kDefault) {
    constexpr int kCodes[] = {39, 31, 32, 33, 34, 35, 36, 90};
    absl::StrAppend(&codes, ";", kCodes[static_cast<int>(style.colour)]);
  }
  return absl::StrCat("\x1b[", codes, "m");
}

}  // namespace

Screen::Screen(int width, int height)
    : width_(std::max(1, width)),
      height_(std::max(1, height)),
      cells_(static_cast<size_t>(width_) * height_) {}

int Screen::Write(int x, int y, std::string_view text, Style style, int most) {
  std::u32string characters = Characters(text);
  const int free = std::min(most, width_ - x);
  if (free <= 0) return x;
  if (static_cast<int>(characters.size()) > free) {
    characters.resize(free);
    characters.back() = U'…';
  }
  for (const char32_t character : characters) Put(x++, y, character, style);
  return x;
}

void Screen::Put(int x, int y, char32_t character, Style style) {
  if (x < 0 || x >= width_ || y < 0 || y >= height_) return;
  cells_[static_cast<size_t>(y) * width_ + x] = {character, style};
}

void Screen::AppendRow(int y, int end, const Palette& palette,
                       std::string& out) const {
  Style style;
  std::string current = SgrOf(style, palette);
  const std::string plain = current;
  for (int x = 0; x < end; ++x) {
    const Cell& cell = cells_[static_cast<size_t>(y) * width_ + x];
    const std::string wanted = SgrOf(cell.style, palette);
    if (wanted != current) out += wanted;
    current = wanted;
    if (palette.unicode) {
      AppendUtf8(cell.character, out);
    } else {
      out.push_back(Ascii(cell.character));
    }
  }
  if (current != plain) out += plain;
}

std::string Screen::Redraw(const Palette& palette) const {
  std::string out;
  for (int y = 0; y < height_; ++y) {
    absl::StrAppend(&out, "\x1b[", y + 1, ";1H");
    AppendRow(y, width_, palette, out);
  }
  return out;
}

std::string Screen::Lines(const Palette& palette) const {
  std::string out;
  size_t last = 0;
  for (int y = 0; y < height_; ++y) {
    int end = width_;
    while (end > 0 &&
           cells_[static_cast<size_t>(y) * width_ + end - 1].character ==
               U' ') {
      --end;
    }
    AppendRow(y, end, palette, out);
    out.push_back('\n');
    if (end > 0) last = out.size();
  }
  out.resize(last);
  return out;
}

int ColumnsOf(std::string_view text) {
  return static_cast<int>(Characters(text).size());
}

}  // namespace merganser
