// What the Glibc module of Swift leaves out, since it stands behind _GNU_SOURCE or in headers that the module lacks.
// Thin and without policy; each can go when the module has it.
#ifndef CPIPE_LINUX_H
#define CPIPE_LINUX_H

// Names the calling thread for debuggers and `top -H`: 15 bytes, the rest is cut.
void cpipe_name_thread(const char *name);

// How late the kernel may wake the calling thread to save power: 50 µs unless told otherwise.
void cpipe_set_timer_slack(unsigned long nanoseconds);

// Keeps the calling thread to these processors. 0, or what errno would be.
int cpipe_keep_to_cores(const int *cores, int count);

// The niceness of the calling thread. 0, or what errno would be.
int cpipe_set_nice(int nice);

#endif
