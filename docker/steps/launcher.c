/* Stands before a compiler of the same name on PATH: runs it, and notes what that took.
 *
 * In the folder BIN are links to it by the names of compilers; go calls it by -toolexec, with the
 * tool's path as its first argument. For each call it appends one record to LOG:
 *
 *     NAME CPU_US WALL_US RSS_KIB STATUS BYTES\n, and BYTES bytes: working directory, tool,
 *     arguments, each ended by a NUL
 *
 * CPU_US is what the compiler and all that it waited for took (getrusage(2)), STATUS what
 * waitpid(2) says. With CROSSGATE_STEPS=keys KEYS is run before the step and after it, with NAME:
 * it says what the step is made of, of which the files that it was seen to read are a part.
 * With CROSSGATE_STEPS=count a step is run by COUNT instead. What a compiler
 * calls in its turn, such as the linker of rustc, is part of its step.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PLACE "/crossgate/steps"
#define BIN PLACE "/bin"
#define LOG PLACE "/log/steps"
#define KEYS PLACE "/key.sh"
#define COUNT PLACE "/count.sh"
#define READS PLACE "/keys/.%s.reads"

#include "watch.c"

extern char **environ;
static volatile pid_t child;

static void forward(int signal_number) {
    if (child > 0)
        kill(child, signal_number);
}

/* The next program of a name on PATH behind our own folder; NULL where there is none. */
static char *next_on_path(const char *name) {
    const char *path = getenv("PATH");
    static char found[PATH_MAX];
    struct stat about;
    for (; path && *path; path += *path == ':') {
        size_t length = strcspn(path, ":");
        int own = length == strlen(BIN) && !strncmp(path, BIN, length);
        if (!own && length && length + strlen(name) + 2 < sizeof found) {
            snprintf(found, sizeof found, "%.*s/%s", (int)length, path, name);
            if (!stat(found, &about) && S_ISREG(about.st_mode) && !access(found, X_OK))
                return found;
        }
        path += length;
    }
    return NULL;
}

static long long now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* Runs a helper before, or instead of, the tool; its arguments are a name, then the tool's. */
static void become(const char *script, const char *name, char **words, int count) {
    char **all = calloc(count + 4, sizeof *all);
    if (!all)
        _exit(127);
    all[0] = "sh";
    all[1] = (char *)script;
    all[2] = (char *)name;
    memcpy(all + 3, words, count * sizeof *all);
    execvp("sh", all);
    _exit(127);
}

static void say_what_it_is_made_of(const char *name, const char *reads, char **words, int count) {
    pid_t helper = fork();
    if (helper == 0) {
        if (reads)
            setenv("CROSSGATE_READS", reads, 1);
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 0);
        dup2(nothing, 1);
        dup2(nothing, 2);
        become(KEYS, name, words, count);
    }
    while (helper > 0 && waitpid(helper, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void note(int log, const char *name, long long wall_ns, struct rusage *used, int status,
                 char **words, int count) {
    char folder[PATH_MAX] = "?";
    size_t bytes = 0, at;
    if (!getcwd(folder, sizeof folder))
        strcpy(folder, "?");
    bytes = strlen(folder) + 1;
    for (int index = 0; index < count; index++)
        bytes += strlen(words[index]) + 1;
    char *text = malloc(bytes + 256);
    if (!text)
        return;
    long long cpu_us = (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000000LL +
                       used->ru_utime.tv_usec + used->ru_stime.tv_usec;
    at = snprintf(text, 256, "%s %lld %lld %ld %d %zu\n", name, cpu_us, wall_ns / 1000,
                  used->ru_maxrss, status, bytes);
    at = stpcpy(text + at, folder) + 1 - text;
    for (int index = 0; index < count; index++)
        at = stpcpy(text + at, words[index]) + 1 - text;
    /* One write, so that records of steps that end together don't mix. */
    if (write(log, text, at) < 0)
        return;
    free(text);
}

int main(int argc, char **argv) {
    const char *slash = strrchr(argv[0], '/');
    const char *self = slash ? slash + 1 : argv[0];
    char **words = argv;
    int count = argc;
    char *tool;
    if (!strcmp(self, "launcher")) {
        if (argc < 2)
            return 127;
        words = argv + 1;
        count = argc - 1;
        tool = words[0];
    } else if ((tool = next_on_path(self))) {
        words[0] = tool;
    } else {
        fprintf(stderr, "%s: not found\n", self);
        return 127;
    }
    int log = getenv("CROSSGATE_STEP") ? -1 : open(LOG, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    for (int index = 1; index < count; index++)
        if (!strcmp(words[index], "-") || !strncmp(words[index], "-V=", 3))
            /* What comes through a pipe can be read once only; a question is no step. */
            log = -1;
    if (log < 0) {
        execve(tool, words, environ);
        perror(tool);
        return 127;
    }
    char name[64];
    long long begin = now_ns();
    snprintf(name, sizeof name, "%d-%lld", getpid(), begin);
    const char *mode = getenv("CROSSGATE_STEPS");
    setenv("CROSSGATE_STEP", name, 1);
    int keys = mode && !strncmp(mode, "keys", 4), gate[2];
    char reads[PATH_MAX];
    FILE *out = NULL;
    if (keys) {
        say_what_it_is_made_of(name, NULL, words, count);
        snprintf(reads, sizeof reads, READS, name);
        out = fopen(reads, "we");
        begin = now_ns();
    }
    if (out && pipe2(gate, O_CLOEXEC))
        out = NULL;
    struct sigaction action = {.sa_handler = forward};
    for (int signal_number = 1; signal_number < 16; signal_number++)
        if (signal_number == SIGINT || signal_number == SIGTERM || signal_number == SIGHUP)
            sigaction(signal_number, &action, NULL);
    child = fork();
    if (child < 0) {
        perror("fork");
        return 127;
    }
    if (child == 0) {
        char go;
        while (out && read(gate[0], &go, 1) < 0 && errno == EINTR)
            ;
        if (mode && !strcmp(mode, "count"))
            become(COUNT, name, words, count);
        execve(tool, words, environ);
        perror(tool);
        _exit(127);
    }
    int status = -1, watching = out && !strcmp(mode, "keys") && watchable(child);
    struct rusage used = {0};
    if (out && write(gate[1], "", 1) < 0)
        return 127;
    if (watching)
        status = watch(child, out, &used);
    else
        while (wait4(child, &status, 0, &used) < 0)
            if (errno != EINTR)
                return 127;
    if (out) {
        fclose(out);
        if (watching)
            say_what_it_is_made_of(name, reads, words, count);
        else
            unlink(reads);
    }
    note(log, name, now_ns() - begin, &used, status, words, count);
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
