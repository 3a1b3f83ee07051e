/* Writing YAML scalars that read back as what they were. */
#ifndef CONFIG_YAML_TEXT_H
#define CONFIG_YAML_TEXT_H

#include <stdbool.h>

struct lh_buf;

/* Plain when every YAML reader takes it for text, else in quotes. `text` is UTF-8. Returns 0 or lh_buf's error. */
int yaml_text_add(struct lh_buf *out, const char *text);
int yaml_text_add_quoted(struct lh_buf *out, const char *text);
/* Two spaces for each level. */
int yaml_text_indent(struct lh_buf *out, unsigned level);

#endif
