// What the Glibc module of Swift leaves out, since it stands behind _GNU_SOURCE or in headers that the module lacks.
// Thin and without policy; each can go when the module has it.
#ifndef CPIPE_LINUX_H
#define CPIPE_LINUX_H

#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

// Names the calling thread for debuggers and `top -H`: 15 bytes, the rest is cut.
void cpipe_name_thread(const char *name);

// The number of the calling thread, as `top -H` shows it.
int cpipe_thread(void);

// How late the kernel may wake the calling thread to save power: 50 µs unless told otherwise.
void cpipe_set_timer_slack(unsigned long nanoseconds);

// Keeps the calling thread to these processors. 0, or what errno would be.
int cpipe_keep_to_cores(const int *cores, int count);

// The niceness of the calling thread. 0, or what errno would be.
int cpipe_set_nice(int nice);

// Takes a connection that waits, which does not block and is not inherited; -1 and errno where there is none.
int cpipe_accept(int listener, struct sockaddr_storage *peer);

// Bytes that were sent on a connection and that the peer's system has not acknowledged; -1 where that cannot be told.
int cpipe_unacknowledged(int socket);

// The process at the other end of a unix socket; 0 where that cannot be told.
int cpipe_peer_process(int socket);

// One datagram and how many the system has dropped on this socket so far, for want of room; -1 and errno as recvmsg.
// `dropped` is left alone where the system does not say.
ssize_t cpipe_receive(int socket, void *bytes, size_t room, struct sockaddr_storage *peer, unsigned *dropped);

// Whether what somebody showed is the secret. How long that takes says nothing of how much of it is right, which BSD's
// timingsafe_memcmp is for. Nobody knows an empty one.
bool cpipe_is_secret(const void *shown, size_t count, const void *secret, size_t length);

#endif
