/* Checks of texts: each returns NULL when the text is good, else what was expected, to go after "expected ". */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

const char *text_not_empty(const char *text);
const char *text_name(const char *text);      /* of a target, group or message: part of dotted keys and metrics */
const char *text_file_name(const char *text); /* of a run: part of a file name */
const char *text_host(const char *text);
const char *text_address(const char *text); /* numeric, IPv4 or IPv6 */
const char *text_socket_path(const char *text); /* of a unix socket: "/run/app.sock" or "@abstract" */
const char *text_path(const char *text);    /* "/path?query" as it may stand in a request line */
const char *text_token(const char *text);   /* RFC 9110 token: header names, subprotocols */
const char *text_header_value(const char *text);
/* A metric of Prometheus, with its labels in braces or without. */
const char *text_metric(const char *text);
/* An extended regular expression of POSIX. */
const char *text_regex(const char *text);
const char *text_pointer(const char *text);         /* JSON pointer, RFC 6901 */
const char *text_field(const char *text);           /* the same, or "id" */
const char *text_sha256(const char *text);           /* hexadecimal digits */
const char *text_pem_certificate(const char *text); /* a file's content */
const char *text_pem_key(const char *text);
bool text_is_utf8(const char *bytes, size_t len);

#endif
