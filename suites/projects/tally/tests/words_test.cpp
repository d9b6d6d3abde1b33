// What count_words promises; the first thing that does not hold ends the program.

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

#include "words.hpp"

namespace {

void expect(const std::string &text, const std::string &wanted) {
  std::istringstream input{text};
  std::ostringstream found;
  for (const auto &[word, times] : tally::count_words(input)) {
    found << word << '=' << times << ' ';
  }
  if (found.str() != wanted) {
    std::cerr << "expected " << wanted << "for " << text << ", found " << found.str() << '\n';
    std::exit(1);
  }
}

}  // namespace

int main() {
  expect("", "");
  expect("one two One", "one=2 two=1 ");
  expect("b a; b-a", "a=2 b=2 ");
  // Bytes beyond ASCII belong to words, whether char is signed here or not.
  expect("na\xc3\xafve NA\xc3\xafVE", "na\xc3\xafve=2 ");
}
