/* Watches a process and all that it starts, and writes down which files they read.
 *
 * By ptrace(2), which needs no right over one's own children: whatever a system call gives back
 * that is an open file of the caller's is looked up under /proc, so that no number of a call and
 * no layout of registers is to be known. Emulators have no ptrace: nothing is written then.
 */
#include <sys/ptrace.h>

#define MOST 65536

static char *seen[MOST], *written[MOST];

/* Whether a path is new to a set (open addressing); a full set takes no more. */
static int add(char **set, const char *path) {
    unsigned long at = 5381;
    for (const char *letter = path; *letter; letter++)
        at = at * 33 + (unsigned char)*letter;
    for (int tries = 0; tries < MOST; tries++, at++) {
        char **place = set + at % MOST;
        if (!*place)
            return (*place = strdup(path)) != NULL;
        if (!strcmp(*place, path))
            return 0;
    }
    return 0;
}

static int has(char **set, const char *path) {
    unsigned long at = 5381;
    for (const char *letter = path; *letter; letter++)
        at = at * 33 + (unsigned char)*letter;
    for (int tries = 0; tries < MOST && set[at % MOST]; tries++, at++)
        if (!strcmp(set[at % MOST], path))
            return 1;
    return 0;
}

/* A path is one line; one with a line end in it is another name for none. */
static void saw(FILE *out, const char *link) {
    static char path[PATH_MAX];
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0 || *path != '/')
        return;
    path[length] = 0;
    struct stat about;
    if (strchr(path, '\n') || stat(path, &about) || !S_ISREG(about.st_mode))
        return;
    if (!has(written, path) && add(seen, path))
        fprintf(out, "%s\n", path);
}

static void look(FILE *out, pid_t caller, long long file) {
    char link[64], line[128];
    snprintf(link, sizeof link, "/proc/%d/fdinfo/%lld", caller, file);
    FILE *about = fopen(link, "re");
    if (!about)
        return;
    long flags = -1;
    while (fgets(line, sizeof line, about))
        if (!strncmp(line, "flags:", 6))
            flags = strtol(line + 6, NULL, 8);
    fclose(about);
    snprintf(link, sizeof link, "/proc/%d/fd/%lld", caller, file);
    if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY) {
        saw(out, link);
    } else if (flags >= 0) {
        static char path[PATH_MAX];
        ssize_t length = readlink(link, path, sizeof path - 1);
        if (length > 0) {
            path[length] = 0;
            add(written, path);
        }
    }
}

/* Whether a child that waits to be let go can be watched; it is stopped then. */
static int watchable(pid_t watched) {
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    return !ptrace(PTRACE_SEIZE, watched, 0, options) && !ptrace(PTRACE_INTERRUPT, watched, 0, 0);
}

/* Watches until the child has ended: its status, and what it used. -1 where it got lost. */
static int watch(pid_t watched, FILE *out, struct rusage *used) {
    for (;;) {
        int status;
        pid_t stopped = wait4(-1, &status, __WALL, used);
        if (stopped < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        if (!WIFSTOPPED(status)) {
            if (stopped == watched)
                return status;
            continue;
        }
        int signal_number = WSTOPSIG(status), event = status >> 16;
        if (signal_number == (SIGTRAP | 0x80)) {
            struct __ptrace_syscall_info call;
            if (ptrace(PTRACE_GET_SYSCALL_INFO, stopped, sizeof call, &call) > 0 &&
                call.op == PTRACE_SYSCALL_INFO_EXIT && call.exit.rval > 2 &&
                call.exit.rval < 65536)
                look(out, stopped, call.exit.rval);
            signal_number = 0;
        } else if (event == PTRACE_EVENT_STOP) {
            if (signal_number == SIGSTOP || signal_number == SIGTSTP || signal_number == SIGTTIN ||
                signal_number == SIGTTOU) {
                ptrace(PTRACE_LISTEN, stopped, 0, 0);
                continue;
            }
            signal_number = 0;
        } else if (event) {
            if (event == PTRACE_EVENT_EXEC) {
                char link[64];
                snprintf(link, sizeof link, "/proc/%d/exe", stopped);
                saw(out, link);
            }
            signal_number = 0;
        }
        ptrace(PTRACE_SYSCALL, stopped, 0, signal_number);
    }
}
