#include "json_text.h"

static void add(struct json *json, const char *text) {
  if (!json->failed) json->failed = lh_buf_addstr(json->out, text);
}

static void begin_line(struct json *json) {
  add(json, "\n");
  if (!json->failed) json->failed = lh_buf_addf(json->out, "%*s", (int)(2 * json->level), "");
}

static void begin(struct json *json, const char *key) {
  if (json->has_before) add(json, ",");
  if (json->level) begin_line(json);
  json->has_before = true;
  if (!key) return;
  if (!json->failed) json->failed = lh_buf_addjson(json->out, key);
  add(json, ": ");
}

void jtext_open(struct json *json, const char *key, char bracket) {
  begin(json, key);
  add(json, (char[]){bracket, 0});
  json->level++;
  json->has_before = false;
}

void jtext_close(struct json *json, char bracket) {
  json->level--;
  if (json->has_before) begin_line(json);
  add(json, (char[]){bracket, 0});
  json->has_before = true;
  if (!json->level) add(json, "\n");
}

void jtext_string(struct json *json, const char *key, const char *text) {
  begin(json, key);
  if (!json->failed) json->failed = lh_buf_addjson(json->out, text);
}

void jtext_raw(struct json *json, const char *key, const char *text) {
  begin(json, key);
  for (; *text; text++) add(json, *text == '\'' ? "\"" : (char[]){*text, 0});
}
