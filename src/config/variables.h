/* Names of the variables in a template, checked when the config is read, so that a misspelt one has a place. The plan room
 * compiles templates and knows the same names. */
#ifndef CONFIG_VARIABLES_H
#define CONFIG_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

struct load;
struct node;

/* False when a variable is not known; reported at the node. */
bool variables_check(struct load *load, struct node *node);
/* The same for bytes that came from elsewhere, a file that `node` names. */
bool variables_check_bytes(struct load *load, struct node *node, const char *bytes, size_t len);
/* Reports the unknown ones of a text in which a variable of the environment is not set: that one has been reported. */
void variables_check_rest(struct load *load, struct node *node);
/* The template has ${name} in it, and not as $${name}. */
bool variables_has(const char *text, size_t len, const char *name);

#endif
