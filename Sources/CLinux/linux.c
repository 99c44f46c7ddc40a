#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <linux/sockios.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void cpipe_name_thread(const char *name) {
    char cut[16];
    strncpy(cut, name, sizeof cut - 1);
    cut[sizeof cut - 1] = 0;
    pthread_setname_np(pthread_self(), cut);
}

int cpipe_thread(void) { return (int)syscall(SYS_gettid); }

void cpipe_set_timer_slack(unsigned long nanoseconds) {
    prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0);
}

int cpipe_keep_to_cores(const int *cores, int count) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < count; i++) {
        if (cores[i] < 0 || cores[i] >= CPU_SETSIZE) return EINVAL;
        CPU_SET(cores[i], &set);
    }
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int cpipe_set_nice(int nice) {
    // For Linux a thread's niceness is its own.
    return setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice) == 0 ? 0 : errno;
}

int cpipe_accept(int listener, struct sockaddr_storage *peer) {
    socklen_t length = sizeof *peer;
    return accept4(listener, (struct sockaddr *)peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int cpipe_unacknowledged(int socket) {
    int bytes = 0;
    return ioctl(socket, SIOCOUTQ, &bytes) == 0 ? bytes : -1;
}

int cpipe_peer_process(int socket) {
    struct ucred peer = {0};
    socklen_t length = sizeof peer;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}

ssize_t cpipe_receive(int socket, void *bytes, size_t room, struct sockaddr_storage *peer, unsigned *dropped) {
    union {
        char bytes[CMSG_SPACE(sizeof(unsigned))];
        struct cmsghdr aligned;
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = room};
    struct msghdr message = {
        .msg_name = peer,
        .msg_namelen = sizeof *peer,
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) return length;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_RXQ_OVFL) memcpy(dropped, CMSG_DATA(part), sizeof *dropped);
    return length;
}

bool cpipe_is_secret(const void *shown, size_t count, const void *secret, size_t length) {
    if (length == 0) return false;
    const volatile unsigned char *a = shown, *b = secret;
    size_t difference = count ^ length;
    for (size_t place = 0; place < count; place++) difference |= a[place] ^ b[place % length];
    return difference == 0;
}
