/* A program that gives compilers something to protect: a buffer, a copy, a format. */
#include <stdio.h>
#include <string.h>
#ifdef NEW_GLIBC
#include <stdlib.h>
#endif

#ifdef DATA
static const char *const data = DATA;
#else
static const char *const data = "/usr/share/demo";
#endif

#ifdef MEMORY
static char memory[MEMORY];
#endif

#ifdef SECTION
/* Bytes that no loader looks at. */
__asm__(".pushsection " SECTION "\n.incbin \"payload\"\n.popsection\n");
#endif

int main(int argc, char **argv)
{
    char name[64];
    size_t length = strlen(argv[0]);

    memcpy(name, argv[0], length);
    name[length] = 0;
#ifdef MEMORY
    memset(memory, argc, sizeof memory);
    name[0] = memory[argc];
#endif
#ifdef NEW_GLIBC
    name[0] = (char)arc4random();
#endif
    printf(argc > 1 ? argv[1] : "%s %s %s\n", name, data, __FILE__);
    return 0;
}
