// "Did you mean …?" for misspelt words.
#pragma once

#include <string>
#include <vector>

namespace merganser {

// The candidate that is fewest single-character insertions, deletions,
// replacements and swaps of neighbours away from `word`, the first of equals;
// empty when none is near: at most two away, or a third of the word's length.
std::string NearestWord(const std::string& word,
                        const std::vector<std::string>& candidates);

}  // namespace merganser
