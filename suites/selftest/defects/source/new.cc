// A program whose only new thing is the compiler: since GCC 13, <iostream> needs its libstdc++.
#include <iostream>
#include <string>

int main(int argc, char **argv)
{
    std::string text(argv[0]);
    text += argv[argc - 1];
    std::cout << text << '\n';
    return 0;
}
