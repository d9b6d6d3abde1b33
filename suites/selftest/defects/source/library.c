/* A library with two functions and one variable that programs rely on. */
#include <stdio.h>
#include <string.h>

#ifdef WIDE
long long demo_count[2];
#else
int demo_count;
#endif

#ifdef ADDRESS_IN_CODE
/* What only a loader can fill in, in the middle of code. */
#if __SIZEOF_POINTER__ == 8
__asm__(".text\n.balign 8\n.8byte demo_count\n");
#else
__asm__(".text\n.balign 4\n.4byte demo_count\n");
#endif
#endif

void demo_run(const char *text)
{
    char copy[64];
    size_t length = strlen(text);

    memcpy(copy, text, length);
    copy[length] = 0;
    printf(copy, copy);
}

#ifndef WITHOUT_STOP
void demo_stop(void)
{
    puts("stop");
}
#endif
