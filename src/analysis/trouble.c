/* Trouble that the totals of a group tell: never opened, messages lost or damaged, the tester and its host at fault. */
#include <inttypes.h>

#include "analysis/find.h"

static double percent(uint64_t part, uint64_t whole) {
  return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* Endings of the group's total that pass the test; how many, and which kind is the commonest. */
struct kinds {
  uint64_t total;
  const struct lh_tally *most;
};

static struct kinds count_kinds(const struct lh_find_group *group, bool (*passes)(const struct lh_tally *tally)) {
  struct kinds kinds = {0};
  for (uint32_t i = 0; group->total && i < group->total->tally_count; i++) {
    const struct lh_tally *tally = &group->total->tallies[i];
    if (tally->reason >= LH_REASON_COUNT || !passes(tally)) continue;
    kinds.total += tally->count;
    if (!kinds.most || tally->count > kinds.most->count) kinds.most = tally;
  }
  return kinds;
}

static void say_kind(struct lh_finder *finder, const struct kinds *kinds) {
  if (!kinds->most) return;
  char reason[LH_WORD_SIZE];
  lh_word_reason(kinds->most->reason, kinds->most->code, reason);
  lh_say(finder, "%s%s in stage %s", kinds->most->count < kinds->total ? "mostly " : "", reason,
         lh_stage_name(kinds->most->stage));
  if (kinds->most->text[0]) lh_say(finder, ", \"%s\"", kinds->most->text);
}

static struct lh_found found_of(const struct lh_find_group *group, const char *id, enum lh_severity severity) {
  struct lh_found found = {.id = id, .severity = severity, .confidence = 1, .group = group->series.group};
  lh_series_span(&group->series, NULL, &found.from_ns, &found.until_ns);
  return found;
}

/* ---- never opened ---- */

struct advice {
  enum lh_reason reason;
  int32_t code; /* 0: any */
  const char *advice;
};

/* What to look at when nothing opens. */
static const struct advice advice_rows[] = {
    {LH_REASON_REFUSED, 0, "Nothing listens at that address and port, or a firewall refuses: are host and port of the URL right?"},
    {LH_REASON_UNREACHABLE, 0, "There is no way to that address from this host."},
    {LH_REASON_CONNECT_TIMEOUT, 0, "Nothing answers at that address: a wrong one, or a firewall that drops."},
    {LH_REASON_NAME_NOT_FOUND, 0, "Is the host name of the URL right?"},
    {LH_REASON_RESOLVER_FAILED, 0, "No name server answers this host: `addresses` of the target does without."},
    {LH_REASON_RESOLVE_TIMEOUT, 0, "No name server answers this host: `addresses` of the target does without."},
    {LH_REASON_TLS_FAILED, 0, "Does the server speak TLS on that port? wss://, https:// and tls:// do, the others do not."},
    {LH_REASON_TLS_TIMEOUT, 0, "Does the server speak TLS on that port? wss://, https:// and tls:// do, the others do not."},
    {LH_REASON_CERT_UNKNOWN_CA, 0, "`tls: {ca: FILE}` of the target names an authority to trust."},
    {LH_REASON_CERT_SELF_SIGNED, 0, "`tls: {ca: FILE}` of the target names a certificate to trust."},
    {LH_REASON_CERT_WRONG_HOST, 0, "`tls: {sni: NAME}` of the target asks for another name than the URL's."},
    {LH_REASON_CERT_EXPIRED, 0, "The server needs a new certificate, or this host's clock is wrong."},
    {LH_REASON_CERT_NOT_YET_VALID, 0, "The server's certificate is for later, or this host's clock is wrong."},
    {LH_REASON_UPGRADE_REFUSED, 401, "The server asks for credentials: `headers` of the target, or a `login`."},
    {LH_REASON_UPGRADE_REFUSED, 403, "The server does not let this client in: credentials, Origin and other `headers` of the target."},
    {LH_REASON_UPGRADE_REFUSED, 404, "The server has nothing at that path: is the path of the URL right?"},
    {LH_REASON_UPGRADE_REFUSED, 0, "What answers takes no WebSockets there: is the path of the URL right?"},
    {LH_REASON_UPGRADE_TIMEOUT, 0, "Something takes connections and does not answer: is it a server of this kind?"},
    {LH_REASON_FIN, 0, "What listens there closes at once: are scheme and port of the URL right?"},
    {LH_REASON_RST, 0, "What listens there closes at once: are scheme and port of the URL right?"},
    {LH_REASON_BAD_HTTP, 0, "What answers speaks no HTTP, or speaks TLS: are scheme and port of the URL right?"},
    {LH_REASON_REDIRECT, 0, "`redirects: N` of the target follows so many."},
    {LH_REASON_STATUS_REFUSED, 0, "Are the path of the URL and the credentials right?"},
    {LH_REASON_WRONG_TYPE, 0, "What answers is no event stream; kind `stream` takes any body."},
    {LH_REASON_NO_DESCRIPTOR, 0, "`longhaul doctor` says how to raise that limit."},
    {LH_REASON_NO_LOCAL_PORT, 0, "`longhaul doctor` says how to raise that limit."},
};

/* The same where it was the login that failed; what is no matter of logins stands above. */
static const struct advice login_rows[] = {
    {LH_REASON_STATUS_REFUSED, 401, "The server does not know these credentials: `text`, `headers` and `data` of the login."},
    {LH_REASON_STATUS_REFUSED, 403, "The server does not let this client in: `text`, `headers` and `data` of the login."},
    {LH_REASON_STATUS_REFUSED, 404, "The server has nothing at that path: is the path of the login right?"},
    {LH_REASON_STATUS_REFUSED, 0, "Are path, `text` and `headers` of the login right? `status` of the login lists what is accepted."},
    {LH_REASON_LOGIN_ANSWER, 0, "`extract` of the login says where the answer has each value."},
    {LH_REASON_LOGIN_TIMEOUT, 0, "`within` of the login says how long it may take."},
};

static const struct advice *find_advice(const struct advice *rows, size_t count, const struct lh_tally *of) {
  for (size_t i = 0; i < count; i++)
    if (rows[i].reason == of->reason && (rows[i].code == 0 || rows[i].code == of->code)) return &rows[i];
  return NULL;
}

static void advise(struct lh_finder *finder, const struct lh_tally *most) {
  const struct advice *found = NULL;
  if (most->stage == LH_STAGE_LOGIN) found = find_advice(login_rows, sizeof login_rows / sizeof *login_rows, most);
  if (!found) found = find_advice(advice_rows, sizeof advice_rows / sizeof *advice_rows, most);
  if (found) lh_say(finder, " %s", found->advice);
}

static bool is_failure(const struct lh_tally *tally) {
  return tally->stage < LH_STAGE_OPEN && lh_reason_side(tally->reason) != LH_SIDE_US;
}

void lh_find_never_opened(struct lh_finder *finder, const struct lh_find_group *group) {
  uint64_t attempts = lh_counter(group, LH_COUNTER_attempts);
  if (!group->total || lh_counter(group, LH_COUNTER_opened) > 0 || lh_series_most_wanted(&group->series) == 0) return;
  char clients[LH_WORD_SIZE], tries[LH_WORD_SIZE];
  struct kinds kinds = count_kinds(group, is_failure);
  struct lh_found found = found_of(group, "never-opened", LH_SEVERITY_SERIOUS);
  if (kinds.total == 0) {
    lh_say(finder, "No client of %s was ever open: %s.", group->series.name,
           attempts ? "no attempt to connect came to an end within the run" : "no attempt to connect was made within the run");
  } else {
    bool is_login = attempts == 0;
    lh_say(finder, "None of %s of %s was ever open: %s%s failed (", lh_word_many(group->connections, "client", clients),
           group->series.name, lh_word_many(kinds.total, is_login ? "login" : "attempt", tries), is_login ? "" : " to connect");
    say_kind(finder, &kinds);
    lh_say(finder, ").");
    advise(finder, kinds.most);
  }
  lh_prove(finder, "attempts %" PRIu64 ", opened 0, failed %" PRIu64, attempts, kinds.total);
  lh_found(finder, &found);
}

/* ---- a ceiling ---- */

/* Intervals at whose end more clients were wanted than ever were open; of these, the ones that stood at the most, and in which
 * attempts failed. */
struct ceiling {
  uint32_t most, wanted;
  size_t short_of, under;
};

static struct ceiling measure_ceiling(const struct lh_series *series) {
  struct ceiling c = {.wanted = (uint32_t)lh_series_most_wanted(series)};
  for (size_t i = 0; i < series->count; i++)
    if (series->open[i] > c.most) c.most = series->open[i];
  for (size_t i = 0; i < series->count; i++) {
    if (series->wanted[i] <= c.most) continue;
    c.short_of++;
    c.under += (uint64_t)series->open[i] * 100 >= (uint64_t)c.most * 98 && series->failures[i] > 0;
  }
  return c;
}

/* Whom credentials or certificates keep out, no limit keeps out. */
static bool may_be_limit(const struct lh_tally *most) {
  if (most->reason == LH_REASON_UPGRADE_REFUSED || most->reason == LH_REASON_STATUS_REFUSED) return most->code == 429 || most->code >= 500;
  return most->reason == LH_REASON_RST || most->reason == LH_REASON_FIN || most->reason == LH_REASON_REFUSED ||
         most->reason == LH_REASON_CONNECT_TIMEOUT || most->reason == LH_REASON_TLS_TIMEOUT || most->reason == LH_REASON_UPGRADE_TIMEOUT;
}

/* Drops may come with it or not: a server that takes 74 clients and no more drops none of them. */
void lh_find_ceiling(struct lh_finder *finder, const struct lh_find_group *group) {
  enum { LEAST_INTERVALS = 3, SHARE = 4 };
  struct ceiling c = measure_ceiling(&group->series);
  struct kinds kinds = count_kinds(group, is_failure);
  if (c.most == 0 || c.under < LEAST_INTERVALS || c.under * SHARE < c.short_of || kinds.total == 0) return;
  if (lh_reason_side(kinds.most->reason) == LH_SIDE_HOST) return; /* our own limit, which is told as such */
  char most[LH_WORD_SIZE], clients[LH_WORD_SIZE], tries[LH_WORD_SIZE];
  lh_say(finder, "At most %s of the %s of %s were open at once, while others tried: %s to connect failed (", lh_word_count(c.most, most),
         lh_word_many(c.wanted, "client", clients), group->series.name, lh_word_many(kinds.total, "attempt", tries));
  say_kind(finder, &kinds);
  lh_say(finder, ").");
  if (may_be_limit(kinds.most))
    lh_say(finder, " A limit of the server, or of a proxy before it, on connections or descriptors looks like this.");
  else
    advise(finder, kinds.most);
  lh_prove(finder, "most open %" PRIu32 ", wanted %" PRIu32 "; at that mark, with attempts that failed, in %zu of %zu intervals", c.most,
           c.wanted, c.under, c.short_of);
  struct lh_found found = found_of(group, "ceiling", LH_SEVERITY_SERIOUS);
  lh_found(finder, &found);
}

/* ---- logins ---- */

static bool is_failed_login(const struct lh_tally *tally) {
  return tally->stage == LH_STAGE_LOGIN && lh_reason_side(tally->reason) != LH_SIDE_US;
}

/* Where no client got further, that says it already. */
void lh_find_login_trouble(struct lh_finder *finder, const struct lh_find_group *group) {
  enum { GRAVE_PERCENT = 1 };
  uint64_t failed = lh_counter(group, LH_COUNTER_logins_failed), begun = lh_counter(group, LH_COUNTER_logins);
  struct kinds kinds = count_kinds(group, is_failed_login);
  if (failed == 0 || kinds.total == 0 || lh_counter(group, LH_COUNTER_opened) == 0) return;
  char many[LH_WORD_SIZE], share[LH_WORD_SIZE], all[LH_WORD_SIZE];
  lh_say(finder, "%s of %s failed: %s of the %s begun (", lh_word_many(failed, "login", many), group->series.name,
         lh_word_share(failed, begun, share), lh_word_count(begun, all));
  say_kind(finder, &kinds);
  lh_say(finder, ").");
  advise(finder, kinds.most);
  lh_prove(finder, "logins_failed %" PRIu64 ", logins %" PRIu64, failed, begun);
  bool is_serious = percent(failed, begun) > GRAVE_PERCENT;
  struct lh_found found = found_of(group, "logins-failed", is_serious ? LH_SEVERITY_SERIOUS : LH_SEVERITY_NOTICE);
  lh_found(finder, &found);
}

/* ---- messages ---- */

static const struct {
  enum lh_counter_id counter, of;
  const char *id, *noun, *of_whom, *what; /* "3 answers to chat came late" */
  double grave_percent;                   /* of `of`, above which it is serious */
} message_rows[] = {
    {LH_COUNTER_lost, LH_COUNTER_messages_sent, "messages-lost", "message", "of", "got no reply", 0.1},
    {LH_COUNTER_corrupt, LH_COUNTER_messages_sent, "replies-corrupt", "answer", "to", "differed from what was to come back", 0},
    {LH_COUNTER_failed, LH_COUNTER_messages_sent, "replies-failed", "answer", "to", "failed a check of the config", 0},
    {LH_COUNTER_duplicate, LH_COUNTER_messages_sent, "replies-duplicate", "answer", "to", "came for messages already answered",
     0.1},
    {LH_COUNTER_out_of_order, LH_COUNTER_replied, "replies-out-of-order", "answer", "to", "came after the answer to a later message", 1},
    {LH_COUNTER_late, LH_COUNTER_replied, "replies-late", "answer", "to", "came later than the config allows", 1},
    {LH_COUNTER_skipped_late, LH_COUNTER_messages_planned, "messages-skipped", "message", "of",
     "waited a whole period for their turn and were skipped", 1},
};

static const char *word_of_whole(enum lh_counter_id whole) {
  return whole == LH_COUNTER_replied ? "answers" : whole == LH_COUNTER_messages_planned ? "planned" : "sent";
}

/* A reply that is not known by what the config says is taken for a push. */
static void say_unknown_replies(struct lh_finder *finder, const struct lh_find_group *group) {
  char many[LH_WORD_SIZE];
  uint64_t pushes = lh_counter(group, LH_COUNTER_incoming);
  if (lh_counter(group, LH_COUNTER_replied) > 0 || pushes == 0) return;
  lh_say(finder, " %s that answered none of them came meanwhile: is `reply` of the config right?", lh_word_many(pushes, "message", many));
}

/* Which checks, since one alone is the usual case and says what to look for. */
static void prove_failed(struct lh_finder *finder, const struct lh_find_group *group) {
  static const enum lh_counter_id checks[] = {LH_COUNTER_wrong_status, LH_COUNTER_wrong_content, LH_COUNTER_wrong_value,
                                              LH_COUNTER_too_large};
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
    if (lh_counter(group, checks[i])) lh_prove(finder, ", %s %" PRIu64, lh_counter_name(checks[i]), lh_counter(group, checks[i]));
}

void lh_find_message_trouble(struct lh_finder *finder, const struct lh_find_group *group) {
  for (size_t i = 0; i < sizeof message_rows / sizeof message_rows[0]; i++) {
    uint64_t count = lh_counter(group, message_rows[i].counter), of = lh_counter(group, message_rows[i].of);
    if (count == 0) continue;
    char many[LH_WORD_SIZE], share[LH_WORD_SIZE], all[LH_WORD_SIZE];
    lh_say(finder, "%s %s %s %s: %s of the %s %s.", lh_word_many(count, message_rows[i].noun, many), message_rows[i].of_whom,
           group->series.name, message_rows[i].what, lh_word_share(count, of, share), lh_word_count(of, all),
           word_of_whole(message_rows[i].of));
    if (message_rows[i].counter == LH_COUNTER_lost) say_unknown_replies(finder, group);
    lh_prove(finder, "%s %" PRIu64 ", %s %" PRIu64, lh_counter_name(message_rows[i].counter), count,
             lh_counter_name(message_rows[i].of), of);
    bool is_serious = percent(count, of) > message_rows[i].grave_percent;
    struct lh_found found = found_of(group, message_rows[i].id, is_serious ? LH_SEVERITY_SERIOUS : LH_SEVERITY_NOTICE);
    if (message_rows[i].counter == LH_COUNTER_lost) {
      lh_prove(finder, ", replied after all %" PRIu64, lh_counter(group, LH_COUNTER_lost_then_replied));
      lh_series_span(&group->series, group->series.lost, &found.from_ns, &found.until_ns);
    }
    if (message_rows[i].counter == LH_COUNTER_failed) prove_failed(finder, group);
    if (message_rows[i].counter == LH_COUNTER_skipped_late)
      lh_prove(finder, ", in the response times with their wait %" PRIu64, lh_counter(group, LH_COUNTER_skipped_charged));
    lh_found(finder, &found);
  }
}

/* ---- the tester and its host ---- */

static bool is_host(const struct lh_tally *tally) {
  return lh_reason_side(tally->reason) == LH_SIDE_HOST;
}
static bool is_tester(const struct lh_tally *tally) {
  return lh_reason_side(tally->reason) == LH_SIDE_TESTER && tally->reason != LH_REASON_UNCLASSIFIED;
}
static bool is_unclassified(const struct lh_tally *tally) {
  return tally->reason == LH_REASON_UNCLASSIFIED;
}

static const struct {
  bool (*passes)(const struct lh_tally *tally);
  const char *id, *noun, *what, *advice; /* "3 connections of chat were lost ..." */
  enum lh_severity severity;
} tester_rows[] = {
    {is_host, "host-limit", "connection", "failed since this host, not the target, was at a limit",
     "`longhaul doctor` says which one and how to raise it.", LH_SEVERITY_SERIOUS},
    {is_tester, "tester-lost", "connection", "went down with the tester itself", "They do not count against the target.",
     LH_SEVERITY_SERIOUS},
    {is_unclassified, "unclassified", "ending", "could not be told apart",
     "That is a gap of longhaul's, and they do not count against the target.", LH_SEVERITY_NOTICE},
};

static uint64_t drops_in_our_storms(const struct lh_find_group *group) {
  uint64_t drops = 0;
  for (size_t i = 0; i < group->storm_count; i++)
    if (lh_reason_side(group->storms[i].reason) == LH_SIDE_TESTER) drops += group->storms[i].drops;
  return drops;
}

void lh_find_tester_trouble(struct lh_finder *finder, const struct lh_find_group *group) {
  for (size_t i = 0; i < sizeof tester_rows / sizeof tester_rows[0]; i++) {
    struct kinds kinds = count_kinds(group, tester_rows[i].passes);
    if (kinds.total == 0) continue;
    if (tester_rows[i].passes == is_tester && kinds.total <= drops_in_our_storms(group)) continue; /* said with the storm */
    char many[LH_WORD_SIZE];
    lh_say(finder, "%s of %s %s (", lh_word_many(kinds.total, tester_rows[i].noun, many), group->series.name,
           tester_rows[i].what);
    say_kind(finder, &kinds);
    lh_say(finder, "). %s", tester_rows[i].advice);
    lh_prove(finder, "%" PRIu64 " endings, %" PRIu64 " of them %s", kinds.total, kinds.most->count,
             lh_reason_name(kinds.most->reason));
    struct lh_found found = found_of(group, tester_rows[i].id, tester_rows[i].severity);
    lh_found(finder, &found);
  }
  uint64_t gave_up = lh_counter(group, LH_COUNTER_gave_up);
  if (gave_up == 0) return;
  char number[LH_WORD_SIZE], clients[LH_WORD_SIZE];
  lh_say(finder, "%s of %s of %s gave up reconnecting, having reached reconnect.limit.", lh_word_count(gave_up, number),
         lh_word_many(group->connections, "client", clients), group->series.name);
  lh_prove(finder, "gave_up %" PRIu64, gave_up);
  struct lh_found found = found_of(group, "gave-up", LH_SEVERITY_SERIOUS);
  lh_found(finder, &found);
}

void lh_find_unverified_tls(struct lh_finder *finder, const struct lh_find_group *group) {
  if (!group->tls || group->tls_verify) return;
  lh_say(finder, "%s does not check certificates (tls.verify: false): a wrong or expired one would not show in this run.",
         group->series.name);
  lh_prove(finder, "tls on, verify off");
  struct lh_found found = found_of(group, "tls-unverified", LH_SEVERITY_NOTICE);
  lh_found(finder, &found);
}

/* The tester is one for all groups, so an interval counts once however many groups mark it. */
void lh_find_late_intervals(struct lh_finder *finder) {
  const struct lh_series *longest = NULL;
  for (size_t g = 0; g < finder->args->group_count; g++) {
    const struct lh_series *series = &finder->args->groups[g].series;
    if (series->tester_late && (!longest || series->count > longest->count)) longest = series;
  }
  if (!longest) return;
  size_t late = 0, first = 0, last = 0;
  for (size_t i = 0; i < longest->count; i++) {
    bool is_late = false;
    for (size_t g = 0; g < finder->args->group_count && !is_late; g++) {
      const struct lh_series *series = &finder->args->groups[g].series;
      is_late = series->tester_late && i < series->count && series->tester_late[i];
    }
    if (!is_late) continue;
    if (late++ == 0) first = i;
    last = i;
  }
  if (late == 0) return;
  char number[LH_WORD_SIZE], all[LH_WORD_SIZE], share[LH_WORD_SIZE];
  lh_say(finder, "In %s of %s (%s) the tester itself was too slow; the verdict leaves them out.", lh_word_count(late, number),
         lh_word_many(longest->count, "interval", all), lh_word_share(late, longest->count, share));
  lh_prove(finder, "first marked interval at %.0f s, last until %.0f s of the run",
           (double)(lh_series_end_ns(longest, first) - longest->interval_ns) / 1e9,
           (double)lh_series_end_ns(longest, last) / 1e9);
  lh_found(finder, &(struct lh_found){.id = "tester-late",
                                      .severity = percent(late, longest->count) > 5 ? LH_SEVERITY_SERIOUS : LH_SEVERITY_NOTICE,
                                      .confidence = 1,
                                      .group = LH_NO_GROUP,
                                      .from_ns = lh_series_end_ns(longest, first) - longest->interval_ns,
                                      .until_ns = lh_series_end_ns(longest, last)});
}
