// libcurl: an HTTP client. The functions here stand in for variadic ones, which Swift does not import.
#include <curl/curl.h>

// Sets up a handle for requests to one URL. `took` gets what is answered. Redirects are not followed, and no signal is used.
static inline CURLcode cpipe_curl_prepare(
    CURL *handle, const char *url, struct curl_slist *headers, curl_write_callback took, void *context) {
    CURLcode code = (curl_easy_setopt)(handle, CURLOPT_URL, url);
    if (code == CURLE_OK) code = (curl_easy_setopt)(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK) code = (curl_easy_setopt)(handle, CURLOPT_NOSIGNAL, 1L);
    if (code == CURLE_OK) code = (curl_easy_setopt)(handle, CURLOPT_HTTPHEADER, headers);
    if (code == CURLE_OK) code = (curl_easy_setopt)(handle, CURLOPT_WRITEFUNCTION, took);
    if (code == CURLE_OK) code = (curl_easy_setopt)(handle, CURLOPT_WRITEDATA, context);
    return code;
}

// Posts a body, and waits for the answer for so long at most. `retry` is what a Retry-After asks for, in seconds.
static inline CURLcode cpipe_curl_post(
    CURL *handle, const void *body, long size, long milliseconds, long *status, curl_off_t *retry) {
    (curl_easy_setopt)(handle, CURLOPT_POSTFIELDS, body);
    (curl_easy_setopt)(handle, CURLOPT_POSTFIELDSIZE, size);
    (curl_easy_setopt)(handle, CURLOPT_TIMEOUT_MS, milliseconds);
    CURLcode code = curl_easy_perform(handle);
    *status = 0;
    *retry = 0;
    (curl_easy_getinfo)(handle, CURLINFO_RESPONSE_CODE, status);
    (curl_easy_getinfo)(handle, CURLINFO_RETRY_AFTER, retry);
    return code;
}
