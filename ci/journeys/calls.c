// Notes which function each thread enters, between journey_begin and journey_end, and writes the list when the process ends.
// The compiler calls mcount at the beginning of each function (-Z instrument-mcount).
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOM (1 << 20)
static struct { long thread; char *at; } calls[ROOM];
static atomic_uint count;
static atomic_int on;
extern char __executable_start;

void journey_begin(void) { on = 1; }
void journey_end(void) { on = 0; }

// Also in signal handlers: one atomic step and one system call.
void mcount(void) {
    if (!on) return;
    unsigned n = atomic_fetch_add(&count, 1);
    if (n < ROOM) {
        calls[n].thread = syscall(SYS_gettid);
        calls[n].at = __builtin_return_address(0);
    }
}

__attribute__((destructor)) static void write_list(void) {
    on = 0;
    const char *path = getenv("JOURNEY_TO");
    FILE *to = path ? fopen(path, "w") : NULL;
    if (!to) return;
    for (unsigned n = 0; n < count && n < ROOM; n++)
        fprintf(to, "%ld %#lx\n", calls[n].thread, (unsigned long)(calls[n].at - &__executable_start));
    fclose(to);
}
