// Counting the words of a text.

#pragma once

#include <cstddef>
#include <istream>
#include <string>
#include <vector>

namespace tally {

struct Count {
  std::string word;
  std::size_t times;
};

/// How often each word occurs, the most frequent first, the same number of times by the alphabet.
/// A word is a run of ASCII letters, in whatever case, or of bytes beyond ASCII.
std::vector<Count> count_words(std::istream &text);

}  // namespace tally
