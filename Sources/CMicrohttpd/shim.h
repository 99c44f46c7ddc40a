// GNU libmicrohttpd: HTTP/1.1. The functions here stand in for variadic ones and for macros, which Swift does not import.
#include <microhttpd.h>

// Starts a server on a socket that listens, with one thread of its own; NULL where that cannot be. `context` is handed to
// all callbacks. It is ended by MHD_stop_daemon, which closes the socket.
static inline struct MHD_Daemon *cpipe_http_start(
    int listener, unsigned connections, unsigned idle_seconds, size_t connection_memory, MHD_AccessHandlerCallback asked,
    MHD_RequestCompletedCallback completed, MHD_NotifyConnectionCallback notified, void *context) {
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_SUSPEND_RESUME, 0, NULL, NULL, asked, context,
        MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_TIMEOUT, idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_COMPLETED, completed, context,
        MHD_OPTION_NOTIFY_CONNECTION, notified, context,
        MHD_OPTION_END);
}

// The socket of a connection; -1 where it has none.
static inline int cpipe_http_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

// What a content reader answers at the end of a stream.
static inline ssize_t cpipe_http_end_of_stream(void) { return MHD_CONTENT_READER_END_OF_STREAM; }

// A body of unknown length that is read piece by piece.
static inline struct MHD_Response *cpipe_http_stream(
    size_t block, MHD_ContentReaderCallback read, void *context, MHD_ContentReaderFreeCallback released) {
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, block, read, context, released);
}
