// The network side of the MEF 3 server: calls come in as requests, replies go out as messages.
//
// Why C++ behind C: gRPC has no C interface that is kept stable and no Swift library here; Swift cannot catch C++
// exceptions. It can go when Swift can link a gRPC library of its own. No policy lives here: what a request means, who
// may ask and what is answered is decided by the owner of the handlers.
#ifndef CPIPE_MEFS_H
#define CPIPE_MEFS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cpipe_mefs_server cpipe_mefs_server;
typedef struct cpipe_mefs_call cpipe_mefs_call;

// Text that belongs to whoever passes it and need not end with a zero.
struct cpipe_mefs_text {
    const char *bytes;
    size_t count;
};

enum cpipe_mefs_method {
    CPIPE_MEFS_OPEN_FILE,
    CPIPE_MEFS_CLOSE_FILE,
    CPIPE_MEFS_FILE_INFO,
    CPIPE_MEFS_LIST_OPEN_FILES,
    CPIPE_MEFS_SET_SIGNAL_SEGMENT_SIZE,
    CPIPE_MEFS_GET_SIGNAL_SEGMENT,
    CPIPE_MEFS_SET_ACTIVE_CHANNELS,
    CPIPE_MEFS_GET_ACTIVE_CHANNELS,
    CPIPE_MEFS_GET_NUMBER_OF_SEGMENTS,
    CPIPE_MEFS_GET_SIGNAL_RANGE,
    CPIPE_MEFS_GET_ENVELOPE,
};

// A request of any method; fields a method does not have are zero. Valid until `begin` returns.
struct cpipe_mefs_request {
    int method;
    struct cpipe_mefs_text peer;      // the connection, as gRPC names it
    struct cpipe_mefs_text client;    // metadata x-mef3io-client-id
    struct cpipe_mefs_text token;     // metadata authorization
    struct cpipe_mefs_text path;
    const struct cpipe_mefs_text *names;
    size_t name_count;
    int64_t number;                   // seconds of a segment, or its index
    int64_t start, end;
    int has_start, has_end;
    int has_cache_fs, has_points;     // the client wants fewer samples than there are
};

// What a file is. Arrays have an element for each channel.
struct cpipe_mefs_info {
    size_t channels;
    struct cpipe_mefs_text names;     // each name followed by a zero byte
    const float *rates;
    const int64_t *starts, *ends;
    const double *served;             // NULL for clients that do not know the field
    int64_t start, end;
    double duration;
};

// A reply of any method that answers with one message.
struct cpipe_mefs_reply {
    struct cpipe_mefs_text path;
    const struct cpipe_mefs_text *error;   // NULL leaves the field out
    int opened;
    const struct cpipe_mefs_info *info;    // NULL leaves the fields out
    int64_t number;
    struct cpipe_mefs_text names;          // paths or channels, each followed by a zero byte
};

// A part of a signal, or with `error` the end of a stream in place of one.
struct cpipe_mefs_chunk {
    struct cpipe_mefs_text path;
    const struct cpipe_mefs_text *error;
    void *samples;                    // from malloc: freed here, whatever becomes of the call
    size_t bytes;
    const char *type;
    int64_t rows, columns;
    int64_t start, end;
    double rate;
    struct cpipe_mefs_text names;
};

struct cpipe_mefs_envelope {
    struct cpipe_mefs_text path;
    const struct cpipe_mefs_text *error;
    struct cpipe_mefs_text channel;
    size_t count;
    const int64_t *starts, *ends;
    const double *minima, *maxima;
};

// Called on gRPC's threads, so none may block. `token` is what `attach` was given.
struct cpipe_mefs_handlers {
    void *context;
    // A call has come in. It is the receiver's until `release`.
    void (*begin)(void *context, cpipe_mefs_call *call, const struct cpipe_mefs_request *request);
    // The message sent last is on its way (1), or the call is over (0).
    void (*written)(void *token, int ok);
    // The client has gone, its deadline has passed, or the server stops.
    void (*cancelled)(void *token);
    // The last callback of a call.
    void (*ended)(void *token);
};

// Texts end with a zero; NULL where there is none.
struct cpipe_mefs_options {
    const char *address;              // host:port; port 0 takes a free one
    const char *certificate, *key;    // PEM; without them the connection is in clear
    const char *client_authority;     // PEM; clients must show a certificate of it
    int max_calls;
    int max_request_bytes;
    int request_ms;                   // to send the request once a call is open
    int stall_ms;                     // to take a message
    int serve_ms;                     // to work out the next one
    int keepalive_ms;                 // a silent connection is asked for a sign of life
    int idle_ms;                      // a connection without calls is closed
};

// Starts to listen. NULL on failure, with the reason as text in `error`.
cpipe_mefs_server *cpipe_mefs_start(
    const struct cpipe_mefs_options *options, const struct cpipe_mefs_handlers *handlers, char *error, size_t room);
int cpipe_mefs_port(const cpipe_mefs_server *server);
// Calls in progress.
int cpipe_mefs_calls(cpipe_mefs_server *server);
// Cancels calls that are overdue; to be called now and then.
void cpipe_mefs_tick(cpipe_mefs_server *server);
// Takes no more calls, gives those in progress so long, cancels the rest. No handler runs after it. Once.
void cpipe_mefs_stop(cpipe_mefs_server *server, int milliseconds);
// Frees a server that was stopped.
void cpipe_mefs_free(cpipe_mefs_server *server);

// Names the token for the handlers, before anything is sent. 0 when the call is already cancelled.
int cpipe_mefs_attach(cpipe_mefs_call *call, void *token);
// Sends a message. 1 when `written` will say what became of it, 0 when the call is over. One at a time.
int cpipe_mefs_send_reply(cpipe_mefs_call *call, const struct cpipe_mefs_reply *reply);
int cpipe_mefs_send_chunk(cpipe_mefs_call *call, const struct cpipe_mefs_chunk *chunk);
int cpipe_mefs_send_envelope(cpipe_mefs_call *call, const struct cpipe_mefs_envelope *envelope);
// Ends the call with a gRPC status code and words for it, when nothing is being sent.
void cpipe_mefs_finish(cpipe_mefs_call *call, int code, const char *words);
// Cancels the call as if the client had.
void cpipe_mefs_cancel(cpipe_mefs_call *call);
// The receiver is done with the call.
void cpipe_mefs_release(cpipe_mefs_call *call);

#ifdef __cplusplus
}
#endif

#endif
