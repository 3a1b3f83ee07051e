/* A client's cookies: what answers set, kept and sent back as a browser would (RFC 6265). Pure.
 *
 * Glossary
 *   site   where a request goes: with or without TLS, host, path
 *   jar    the cookies of one client in one block of just their size; NULL while there are none
 *
 * Looked at: Domain (without one, the host alone), Path, Secure, Max-Age and Expires. HttpOnly and SameSite speak of scripts and of
 * other sites' pages, of which there are none. There is no list of public suffixes: a Domain without a dot is refused.
 * Cookies past their time are not sent, and make room when that is needed; others never have to: one that a jar has no
 * room for is refused, and the caller says so.
 */
#ifndef LONGHAUL_CONN_COOKIES_H
#define LONGHAUL_CONN_COOKIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/limits.h"
#include "longhaul/base/texts.h"

struct lh_cookie_site {
  bool tls;
  struct lh_text host; /* as in a Host header; a port and brackets do not matter */
  struct lh_text path; /* a query does not matter */
};

struct lh_jar;

/* Name and value of a Set-Cookie header. False: it holds none. */
bool lh_cookie_pair(struct lh_text header, struct lh_text *name, struct lh_text *value);

/* Takes a Set-Cookie header of an answer from there: keeps, replaces or deletes a cookie, or leaves it alone where the standard
 * does. now_s: since 1970. -ENOBUFS: there is no room for it; -ENOMEM. *jar stays as it was then. */
int lh_jar_take(struct lh_jar **jar, const struct lh_cookie_site *from, struct lh_text header, int64_t now_s);

/* Writes the line "Cookie: a=1; b=2\r\n" for a request to there, or nothing; returns its length. */
enum { LH_COOKIE_LINE_MAX = LH_COOKIES_BYTES_MAX + 16 };
size_t lh_jar_line(const struct lh_jar *jar, const struct lh_cookie_site *to, int64_t now_s, char out[LH_COOKIE_LINE_MAX]);

/* The values, one after the other: *at begins as 0. False: that was all. */
bool lh_jar_next(const struct lh_jar *jar, size_t *at, struct lh_text *value);
size_t lh_jar_bytes(const struct lh_jar *jar); /* it takes; NULL: 0 */

/* The time of an Expires attribute, in seconds since 1970 (RFC 6265, 5.1.1). False: it is none. */
bool lh_cookie_date(struct lh_text text, int64_t *at_s);

#endif
