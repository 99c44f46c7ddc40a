// Clients that send 32-byte packets at a rate, from one thread, so that the load is not what is measured.
//
//   load PORT CLIENTS RATE BATCH SECONDS [--flood]
//
// RATE is packets a second of each client, BATCH packets a write. Each packet holds its number and its time (nanoseconds
// since 1970), little endian. Prints "sent missed" in packets; `missed` were not sent because the client's socket was full
// for a second.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { packet_bytes = 32, most_batch = 2048 };

static long now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void fill(char *bytes, int batch, unsigned long first) {
    unsigned long time = (unsigned long)now(CLOCK_REALTIME);
    for (int i = 0; i < batch; i++) {
        unsigned long number = first + (unsigned long)i;
        memcpy(bytes + i * packet_bytes, &number, 8);
        memcpy(bytes + i * packet_bytes + 8, &time, 8);
    }
}

// All of it, or what went before the socket was full for a second.
static long send_all(int socket, const char *bytes, long length) {
    long sent = 0;
    while (sent < length) {
        long count = send(socket, bytes + sent, (size_t)(length - sent), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) {
            sent += count;
        } else if (errno == EAGAIN) {
            struct pollfd room = {socket, POLLOUT, 0};
            if (poll(&room, 1, 1000) < 1) break;
        } else {
            perror("send");
            exit(1);
        }
    }
    return sent;
}

int main(int count, char **arguments) {
    if (count < 6) return fprintf(stderr, "usage: load PORT CLIENTS RATE BATCH SECONDS [--flood]\n"), 64;
    int clients = atoi(arguments[2]), batch = atoi(arguments[4]), one = 1;
    double rate = atof(arguments[3]), seconds = atof(arguments[5]);
    int flood = count > 6 && !strcmp(arguments[6], "--flood");
    if (clients < 1 || batch < 1 || batch > most_batch) return 64;
    prctl(PR_SET_TIMERSLACK, 1000);
    int *sockets = calloc((size_t)clients, sizeof *sockets);
    unsigned long *numbers = calloc((size_t)clients, sizeof *numbers);
    struct sockaddr_in address = {AF_INET, htons(atoi(arguments[1])), {htonl(INADDR_LOOPBACK)}, {0}};
    for (int i = 0; i < clients; i++) {
        sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(sockets[i], (struct sockaddr *)&address, sizeof address)) {
            perror("connect");
            return 1;
        }
        setsockopt(sockets[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    static char bytes[most_batch * packet_bytes];
    memset(bytes, 'X', sizeof bytes);
    unsigned long sent = 0, missed = 0;
    long start = now(CLOCK_MONOTONIC), end = start + (long)(seconds * 1e9);
    double interval = 1e9 * batch / rate / clients;
    for (unsigned long turn = 0;; turn++) {
        long due = flood ? 0 : start + (long)((double)turn * interval), time = now(CLOCK_MONOTONIC);
        if ((flood ? time : due) >= end) break;
        if (due > time) {
            struct timespec until = {due / 1000000000L, due % 1000000000L};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        }
        int client = (int)(turn % (unsigned long)clients);
        fill(bytes, batch, numbers[client]);
        long whole = send_all(sockets[client], bytes, (long)batch * packet_bytes) / packet_bytes;
        numbers[client] += (unsigned long)whole;
        sent += (unsigned long)whole;
        if (whole < batch) {
            missed += (unsigned long)(batch - whole);
            break;
        }
    }
    for (int i = 0; i < clients; i++) shutdown(sockets[i], SHUT_WR);
    // The server closes when it has read all.
    for (int i = 0; i < clients; i++) {
        struct pollfd closed = {sockets[i], POLLIN, 0};
        poll(&closed, 1, 10000);
    }
    printf("%lu %lu\n", sent, missed);
    return 0;
}
