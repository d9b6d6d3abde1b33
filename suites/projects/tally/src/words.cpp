#include "words.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace tally {
namespace {

bool belongs(unsigned char byte) {
  const unsigned char lower = byte | 0x20;
  return byte >= 0x80 || (lower >= 'a' && lower <= 'z');
}

char lowered(unsigned char byte) {
  return static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
}

}  // namespace

std::vector<Count> count_words(std::istream &text) {
  std::map<std::string, std::size_t> times;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) {
      ++times[std::exchange(word, {})];
    }
  };
  for (std::istreambuf_iterator<char> byte{text}, end; byte != end; ++byte) {
    const auto value = static_cast<unsigned char>(*byte);
    if (belongs(value)) {
      word += lowered(value);
    } else {
      finish();
    }
  }
  finish();

  std::vector<Count> counts;
  counts.reserve(times.size());
  for (auto &[each, number] : times) {
    counts.push_back({each, number});
  }
  std::stable_sort(counts.begin(), counts.end(),
                   [](const Count &a, const Count &b) { return a.times > b.times; });
  return counts;
}

}  // namespace tally
