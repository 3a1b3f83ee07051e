#include "run/hook.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"

extern char **environ;

enum { ENVIRONMENT_MAX = 1 << 20 };

struct hook {
  uv_process_t process;
  uv_timer_t timer;
  int open; /* handles still to be closed */
  bool killed, interrupted; /* by its deadline, or by who wants the run to end */
  uint64_t timeout_ns;
  int64_t exit_code;
  int signal;
  char what[256];
  void *context;
  void (*done)(void *context, const char *what, const char *how, bool good);
};

static void on_closed(uv_handle_t *handle) {
  struct hook *hook = handle->data;
  if (--hook->open == 0) free(hook);
}

static void tell(struct hook *hook) {
  char how[96], limit[32];
  if (hook->interrupted)
    snprintf(how, sizeof how, "killed: interrupted");
  else if (hook->killed)
    snprintf(how, sizeof how, "killed: not done in %s", lh_format_duration(hook->timeout_ns, limit, sizeof limit));
  else if (hook->signal != 0)
    snprintf(how, sizeof how, "signal %d (%s)", hook->signal, strsignal(hook->signal));
  else
    snprintf(how, sizeof how, "exit code %d", (int)hook->exit_code);
  hook->done(hook->context, hook->what, how, !hook->killed && hook->signal == 0 && hook->exit_code == 0);
}

static void on_ended(uv_process_t *process, int64_t exit_code, int signal) {
  struct hook *hook = process->data;
  hook->exit_code = exit_code;
  hook->signal = signal;
  tell(hook);
  uv_close((uv_handle_t *)&hook->process, on_closed);
  uv_close((uv_handle_t *)&hook->timer, on_closed);
}

/* Its children go with it. */
static void end(struct hook *hook) {
  hook->killed = true;
  if (kill(-hook->process.pid, SIGKILL) != 0) uv_process_kill(&hook->process, SIGKILL);
}

static void on_deadline(uv_timer_t *timer) {
  end(timer->data);
}

static void interrupt(uv_handle_t *handle, void *context) {
  (void)context;
  if (handle->type != UV_PROCESS || ((uv_process_t *)handle)->exit_cb != on_ended || uv_is_closing(handle)) return;
  ((struct hook *)handle->data)->interrupted = true;
  end(handle->data);
}

void lh_hooks_interrupt(uv_loop_t *loop) {
  uv_walk(loop, interrupt, NULL);
}

/* ---- environment ---- */

static size_t count_environment(void) {
  size_t count = 0;
  while (environ[count] != NULL) count++;
  return count;
}

/* Ours, and LONGHAUL_* of the facts in front: getenv takes the first. `text` holds what is new. NULL when memory is out. */
static char **make_environment(const struct lh_hook_args *args, struct lh_buf *text) {
  size_t starts[LH_HOOK_FACTS_MAX], count = 0;
  for (size_t i = 0; i < LH_HOOK_FACTS_MAX && args->facts[i].name != NULL; i++) {
    if (args->facts[i].value == NULL) continue;
    starts[count++] = text->len;
    if (lh_buf_addf(text, "LONGHAUL_%s=%s", args->facts[i].name, args->facts[i].value) < 0 || lh_buf_add(text, "", 1) < 0)
      return NULL;
  }
  size_t ours = count_environment();
  char **out = malloc((count + ours + 1) * sizeof *out);
  if (out == NULL) return NULL;
  for (size_t i = 0; i < count; i++) out[i] = text->data + starts[i];
  memcpy(out + count, environ, (ours + 1) * sizeof *out);
  return out;
}

static char **make_arguments(const struct lh_strings *command) {
  char **out = malloc((command->count + 1) * sizeof *out);
  for (size_t i = 0; out != NULL && i < command->count; i++) out[i] = command->items[i];
  if (out != NULL) out[command->count] = NULL;
  return out;
}

/* ---- starting ---- */

static int spawn(uv_loop_t *loop, struct hook *hook, char **arguments, char **environment) {
  uv_stdio_container_t stdio[3] = {
      {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = 2}, {.flags = UV_INHERIT_FD, .data.fd = 2}};
  uv_process_options_t options = {.exit_cb = on_ended,
                                  .file = arguments[0],
                                  .args = arguments,
                                  .env = environment,
                                  .flags = UV_PROCESS_DETACHED, /* a group of its own, which the deadline ends */
                                  .stdio_count = 3,
                                  .stdio = stdio};
  uv_timer_init(loop, &hook->timer);
  hook->process.data = hook->timer.data = hook;
  hook->open = 2;
  int code = uv_spawn(loop, &hook->process, &options);
  if (code < 0) {
    uv_close((uv_handle_t *)&hook->process, on_closed);
    uv_close((uv_handle_t *)&hook->timer, on_closed);
    return code;
  }
  uv_update_time(loop);
  uv_timer_start(&hook->timer, on_deadline, hook->timeout_ns / LH_NS_PER_MS, 0);
  return 0;
}

int lh_hook_start(uv_loop_t *loop, const struct lh_hook_args *args, struct lh_err *err) {
  struct lh_buf text = LH_BUF_INIT(ENVIRONMENT_MAX);
  struct hook *hook = calloc(1, sizeof *hook);
  char **environment = make_environment(args, &text), **arguments = make_arguments(args->command);
  int code = hook != NULL && environment != NULL && arguments != NULL ? 0 : -ENOMEM;
  if (code < 0) {
    free(hook);
    lh_err_set(err, code, "no memory to start %s", args->what);
  } else {
    hook->timeout_ns = args->timeout_ns;
    hook->context = args->context;
    hook->done = args->done;
    snprintf(hook->what, sizeof hook->what, "%s", args->what);
    code = spawn(loop, hook, arguments, environment);
    if (code < 0) lh_err_set(err, code, "%s: %s could not be started: %s", args->what, arguments[0], uv_strerror(code));
  }
  free(environment);
  free(arguments);
  lh_buf_free(&text);
  return code;
}
