/* What the probe of doctor found, for people and as JSON. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/json.h"
#include "longhaul/base/units.h"
#include "longhaul/run/probe.h"

/* ---- in words ---- */
static int add_line(struct lh_buf *out, const char *text) {
  int code = lh_buf_addstr(out, "   ");
  return code < 0 ? code : lh_buf_addwords(out, text, 3, 3);
}

static int add_opened(const struct lh_probe *p, struct lh_buf *out) {
  char opened[32], wanted[32], text[256];
  snprintf(text, sizeof text, "Opened %s of %s connections to %s, in %.1f s.",
           lh_format_count(p->opened, opened, sizeof opened), lh_format_count(p->wanted, wanted, sizeof wanted),
           p->targets ? "the targets of the plan" : "a listener of its own", p->seconds);
  int code = add_line(out, text);
  if (code < 0 || p->refusal[0] == '\0') return code;
  snprintf(text, sizeof text, "The first refusal: %s%s%s%s.", p->refusal, p->error > 0 ? " (" : "",
           p->error > 0 ? strerror(p->error) : "", p->error > 0 ? ")" : "");
  return add_line(out, text);
}

static int add_judgement(const struct lh_probe *p, struct lh_buf *out) {
  char predicted[32], wanted[32], agrees[96], text[320];
  snprintf(agrees, sizeof agrees, "the %s that were tried fit", lh_format_count(p->wanted, wanted, sizeof wanted));
  bool bound = p->predicted != LH_ANY && p->limit >= 0;
  if (!bound)
    snprintf(text, sizeof text, "The ladder has no limit for it%s.", p->matches ? ", and none was met" : ", but one was met");
  else
    snprintf(text, sizeof text, "The ladder predicts %s (%s): %s.", lh_format_count(p->predicted, predicted, sizeof predicted),
             lh_limit_name((enum lh_limit)p->limit),
             !p->matches                 ? "it does NOT match"
             : p->predicted >= p->wanted ? agrees
                                         : "it matches, within 2 %");
  return add_line(out, text);
}

static int add_memory(const struct lh_probe *p, struct lh_buf *out) {
  char user[32] = "too little to tell", kernel[96] = "too little to tell", tls[96] = "", some[32], size[32],
       text[384];
  if (isnan(p->user_bytes) && isnan(p->kernel_bytes)) return 0;
  if (!isnan(p->user_bytes)) lh_format_size((uint64_t)p->user_bytes, user, sizeof user);
  if (!isnan(p->kernel_bytes)) {
    int len = snprintf(kernel, sizeof kernel, "about %s", lh_format_size((uint64_t)p->kernel_bytes, size, sizeof size));
    if (!isnan(p->buffer_bytes))
      snprintf(kernel + len, sizeof kernel - (size_t)len, " and %s of buffers",
               lh_format_size((uint64_t)p->buffer_bytes, size, sizeof size));
  }
  if (p->tls_clients > 0 && p->tls_clients < p->wanted)
    snprintf(tls, sizeof tls, ", on average: %s of them have TLS", lh_format_count(p->tls_clients, some, sizeof some));
  else if (p->tls_clients > 0)
    snprintf(tls, sizeof tls, ", with TLS");
  snprintf(text, sizeof text, "Memory of one connection: %s in user space, %s in the kernel for one end%s.", user, kernel, tls);
  return add_line(out, text);
}

static int add_target(const struct lh_probe *p, struct lh_buf *out) {
  char text[160];
  if (isnan(p->target_each)) return 0;
  if (p->target_each > 0)
    snprintf(text, sizeof text, "Each connection takes %.3g descriptor%s of the target's process, as those tried first did.",
             p->target_each, p->target_each == 1 ? "" : "s");
  else
    snprintf(text, sizeof text, "The process that listens there hands its connections to others: their descriptors are not known.");
  return add_line(out, text);
}

struct queue {
  const char *listener, *connections, *limit;
  uint64_t held, predicted;
};

static int add_queue(const struct queue *q, struct lh_buf *out) {
  char held[32], predicted[32], text[200];
  if (q->held == 0) return 0;
  snprintf(text, sizeof text, "At a listener that %s, %s %s; %s predicts %s.", q->listener,
           lh_format_count(q->held, held, sizeof held), q->connections, q->limit,
           lh_format_count(q->predicted, predicted, sizeof predicted));
  return add_line(out, text);
}

static int add_queues(const struct lh_probe *p, struct lh_buf *out) {
  const struct queue accepts = {"accepts none", "connections waited", lh_limit_name(LH_LIMIT_SOMAXCONN), p->queue_held,
                                p->queue_predicted},
                     handshakes = {"completes no handshake", "were in progress", lh_limit_name(LH_LIMIT_SYN_BACKLOG),
                                   p->handshakes_held, p->handshakes_predicted};
  int code = add_queue(&accepts, out);
  return code < 0 ? code : add_queue(&handshakes, out);
}

int lh_doctor_probe_text(const struct lh_probe *p, bool color, struct lh_buf *out) {
  int code = lh_buf_addf(out, "\n%sProbe%s\n", color ? "\x1b[1m" : "", color ? "\x1b[0m" : "");
  if (code == 0) code = add_opened(p, out);
  if (code == 0) code = add_judgement(p, out);
  if (code == 0) code = add_memory(p, out);
  if (code == 0) code = add_target(p, out);
  return code < 0 ? code : add_queues(p, out);
}

/* ---- as JSON ---- */
void lh_doctor_probe_json(const struct lh_probe *p, struct lh_cli_json *j) {
  lh_cli_json_open(j, "probe", '{');
  lh_cli_json_count(j, "wanted", p->wanted);
  lh_cli_json_count(j, "opened", p->opened);
  lh_cli_json_count(j, "tls_clients", p->tls_clients);
  lh_cli_json_bool(j, "matches", p->matches);
  lh_cli_json_clients(j, "predicted", p->predicted);
  lh_cli_json_text(j, "limit", p->limit >= 0 ? lh_limit_name((enum lh_limit)p->limit) : NULL);
  lh_cli_json_text(j, "refusal", p->refusal[0] != '\0' ? p->refusal : NULL);
  lh_cli_json_clients(j, "errno", p->error > 0 ? (uint64_t)p->error : LH_ANY);
  lh_cli_json_number(j, "seconds", p->seconds, 0);
  lh_cli_json_number(j, "user_bytes", p->user_bytes, 0);
  lh_cli_json_number(j, "kernel_bytes", p->kernel_bytes, 0);
  lh_cli_json_number(j, "buffer_bytes", p->buffer_bytes, 0);
  lh_cli_json_number(j, "target_descriptors", p->target_each, 2);
  lh_cli_json_clients(j, "queue_predicted", p->queue_predicted > 0 ? p->queue_predicted : LH_ANY);
  lh_cli_json_clients(j, "queue_held", p->queue_held > 0 ? p->queue_held : LH_ANY);
  lh_cli_json_clients(j, "handshakes_predicted", p->handshakes_predicted > 0 ? p->handshakes_predicted : LH_ANY);
  lh_cli_json_clients(j, "handshakes_held", p->handshakes_held > 0 ? p->handshakes_held : LH_ANY);
  lh_cli_json_close(j, '}');
}
