/* Makes what a tool draws at random the same each time: preloaded into the steps that are counted.
 *
 * The names of temporary files above all. gcc, collect2 and ar make theirs by mkstemp(3), and the
 * linker hashes them, so that how many instructions it takes depends on what they are called. The
 * names here are those of a counter that starts at what CROSSGATE_SEED says, the same for the
 * same step; one that is there already is passed over.
 *
 * Made without a C library, so that it goes with any that a container has.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static uint32_t made, drawn = 1;

static void name(char *place) {
    const char *seed = getenv("CROSSGATE_SEED");
    uint32_t value = 2166136261u;
    /* FNV-1a. */
    for (; seed && *seed; seed++)
        value = (value ^ (unsigned char)*seed) * 16777619u;
    value += made++;
    for (int at = 0; at < 6; at++, value /= sizeof letters - 1)
        place[at] = letters[value % (sizeof letters - 1)];
}

static int temporary(char *template, int suffix, int flags, int folder) {
    size_t length = strlen(template);
    if (suffix < 0 || length < 6 + (size_t)suffix ||
        memcmp(template + length - suffix - 6, "XXXXXX", 6)) {
        errno = EINVAL;
        return -1;
    }
    for (int tries = 0; tries < 10000; tries++) {
        name(template + length - suffix - 6);
        int done = folder ? mkdir(template, 0700)
                          : open(template, flags | O_RDWR | O_CREAT | O_EXCL | O_LARGEFILE, 0600);
        if (done >= 0 || errno != EEXIST)
            return done;
    }
    return -1;
}

int mkstemp(char *template) { return temporary(template, 0, 0, 0); }
int mkstemp64(char *template) { return temporary(template, 0, 0, 0); }
int mkstemps(char *template, int suffix) { return temporary(template, suffix, 0, 0); }
int mkstemps64(char *template, int suffix) { return temporary(template, suffix, 0, 0); }
int mkostemp(char *template, int flags) { return temporary(template, 0, flags, 0); }
int mkostemp64(char *template, int flags) { return temporary(template, 0, flags, 0); }
int mkostemps(char *template, int suffix, int flags) {
    return temporary(template, suffix, flags, 0);
}
int mkostemps64(char *template, int suffix, int flags) {
    return temporary(template, suffix, flags, 0);
}
char *mkdtemp(char *template) { return temporary(template, 0, 0, 1) < 0 ? NULL : template; }

uint32_t arc4random(void) { return drawn = drawn * 1664525u + 1013904223u; }

ssize_t getrandom(void *place, size_t bytes, unsigned flags) {
    (void)flags;
    for (size_t at = 0; at < bytes; at++)
        ((unsigned char *)place)[at] = arc4random() >> 24;
    return bytes;
}

int getentropy(void *place, size_t bytes) {
    getrandom(place, bytes, 0);
    return 0;
}
