// A program that any libstdc++ since GCC 5 can serve.
#include <string>

int main(int argc, char **argv)
{
    std::string text(argv[0]);
    text += argv[argc - 1];
    return text.size() == 1;
}
