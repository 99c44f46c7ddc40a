// The peer that a packet server is measured against: one thread, epoll, a read of 64 KiB for each ready connection, and
// as much counting as the original does. It checks nothing and remembers nothing else.
//
//   server PORT [GATHER_US]      prints "clients packets bytes" at SIGTERM
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { packet_bytes = 32, most_events = 256, read_bytes = 64 << 10 };

struct client {
    int socket;
    unsigned long packets, bytes;
    unsigned rest;
};

static volatile sig_atomic_t ended;
static void end(int signal) { (void)signal, ended = 1; }

static void fail(const char *what) {
    perror(what);
    exit(1);
}

int main(int count, char **arguments) {
    if (count < 2) return fprintf(stderr, "usage: server PORT [GATHER_US]\n"), 64;
    long gather = count > 2 ? atol(arguments[2]) : 0;
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, size = 131072;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    struct sockaddr_in address = {AF_INET, htons(atoi(arguments[1])), {htonl(INADDR_LOOPBACK)}, {0}};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) fail("listen");
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[most_events];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    static char bytes[read_bytes];
    unsigned long clients = 0, packets = 0, total = 0;
    while (!ended) {
        int ready = epoll_wait(epoll, events, most_events, -1);
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (!client) {
                int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (socket < 0) continue;
                setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
                client = calloc(1, sizeof *client);
                if (!client) fail("calloc");
                client->socket = socket;
                event.data.ptr = client;
                epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
                clients++;
                continue;
            }
            ssize_t length = recv(client->socket, bytes, sizeof bytes, 0);
            if (length > 0) {
                unsigned have = client->rest + (unsigned)length;
                client->packets += have / packet_bytes;
                packets += have / packet_bytes;
                client->rest = have % packet_bytes;
                client->bytes += (unsigned long)length;
                total += (unsigned long)length;
            } else if (length == 0 || errno != EAGAIN) {
                close(client->socket);
                free(client);
            }
        }
        if (gather) nanosleep(&(struct timespec){0, gather * 1000}, NULL);
    }
    printf("%lu %lu %lu\n", clients, packets, total);
    return 0;
}
