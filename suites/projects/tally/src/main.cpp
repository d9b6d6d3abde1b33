// tally: how often each word occurs in what is read from standard input.

#include <cstring>
#include <iostream>

#include "words.hpp"

int main(int argc, char **argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::cout << "tally " TALLY_VERSION "\n";
    return 0;
  }
  if (argc != 1) {
    std::cerr << "usage: tally [--version] < TEXT\n";
    return 2;
  }
  std::ios::sync_with_stdio(false);
  for (const auto &[word, times] : tally::count_words(std::cin)) {
    std::cout << times << ' ' << word << '\n';
  }
  std::cout.flush();
  return std::cout && !std::cin.bad() ? 0 : 1;
}
