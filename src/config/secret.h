/* What must not reach a run file, a report or a message. */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include <stdbool.h>

struct load;
struct node;

/* A header or query parameter of this name carries a secret: Authorization, Cookie, X-Api-Key, access_token ... */
bool secret_name(const char *name);
/* The node is the value of such a header. */
bool secret_header_value(const struct node *node);
/* The URL with the values of secret query parameters and any user information as "***". Owned by the caller. */
char *secret_url(const char *url);
/* So is the URL, or the path, shown that stands in the node: to be called before any sentence that quotes it. */
void secret_url_mask(struct load *load, struct node *node);
void secret_path_mask(struct load *load, struct node *node);

#endif
