/* Measures operations on files of a folder of the guest, and prints what each of them took:
 *
 *   measure FOLDER PREFIX COUNT OPERATION ...   `PREFIX OPERATION COUNT NANOSECONDS` for each;
 *                                               COUNT is of small files, or bytes of a large one
 *   measure run PREFIX COMMAND ...              the same for a command, whose COUNT is 1
 *
 * One program without a shell in it: starting a process costs an emulated CPU more than a file does.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SMALL = 4096, BLOCK = 1 << 20 };

static char block[BLOCK], content[BLOCK + 1];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static void create(const char *name)
{
    int file = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);

    if (file < 0 || write(file, block, SMALL) != SMALL || close(file))
        fail(name);
}

static void look(const char *name)
{
    struct stat found;

    if (stat(name, &found) || found.st_size != SMALL)
        fail(name);
}

static void get(const char *name)
{
    int file = open(name, O_RDONLY);

    if (file < 0 || read(file, content, SMALL + 1) != SMALL || close(file))
        fail(name);
    if (memcmp(content, block, SMALL)) {
        fprintf(stderr, "%s: another content\n", name);
        exit(1);
    }
}

static void discard(const char *name)
{
    if (unlink(name))
        fail(name);
}

static void each(long count, void (*act)(const char *))
{
    char name[32];

    for (long number = 0; number < count; number++) {
        snprintf(name, sizeof name, "small-%ld", number);
        act(name);
    }
}

static void put_large(long bytes)
{
    int file = open("large", O_WRONLY | O_CREAT | O_EXCL, 0644);

    for (long left = bytes; left > 0; left -= BLOCK)
        if (file < 0 || write(file, block, BLOCK) != BLOCK)
            fail("large");
    if (fsync(file) || close(file))
        fail("large");
}

static void get_large(long bytes)
{
    int file = open("large", O_RDONLY);

    for (long left = bytes; left > 0; left -= BLOCK)
        if (file < 0 || read(file, content, BLOCK) != BLOCK)
            fail("large");
    close(file);
}

static const struct {
    const char *name;
    void (*small)(const char *);
    void (*large)(long);
} operations[] = {
    {"create", create, NULL}, {"stat", look, NULL},      {"read", get, NULL},
    {"first-read", get, NULL}, {"remove", discard, NULL}, {"write", NULL, put_large},
    {"read-large", NULL, get_large},
};

static void operate(const char *prefix, long count, const char *name)
{
    for (size_t at = 0; at < sizeof operations / sizeof *operations; at++) {
        uint64_t began = now();

        if (strcmp(operations[at].name, name))
            continue;
        if (operations[at].small)
            each(count, operations[at].small);
        else
            operations[at].large(count);
        printf("%s %s %ld %llu\n", prefix, name, count, (unsigned long long)(now() - began));
        fflush(stdout);
        return;
    }
    fail(name);
}

static void run(const char *prefix, char **command)
{
    uint64_t began = now();
    pid_t child = fork();
    int status;

    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(*command, command);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status) {
        fprintf(stderr, "%s: it did not end well\n", *command);
        exit(1);
    }
    printf("%s 1 %llu\n", prefix, (unsigned long long)(now() - began));
}

int main(int count, char **words)
{
    /* What is touched for the first time in an operation would be part of it. */
    memset(block, 'x', sizeof block);
    memset(content, 'y', sizeof content);
    if (count < 4)
        return 2;
    if (!strcmp(words[1], "run")) {
        run(words[2], words + 3);
        return 0;
    }
    if (chdir(words[1]))
        fail(words[1]);
    for (int at = 4; at < count; at++)
        operate(words[2], atol(words[3]), words[at]);
    return 0;
}
