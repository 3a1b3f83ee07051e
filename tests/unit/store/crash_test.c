/* A writer killed at any moment: what it had committed is there, whole, and the books of it balance. */
#include "fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "longhaul/base/rng.h"

enum { ROUNDS = 40, INTERVALS_MOST = 5000 };

/* What the writer says of itself, in memory it shares with the test. */
struct progress {
  volatile uint32_t created, committed;
};

static void write_until_killed(const struct fixture *f, struct progress *progress) {
  struct lh_store *store;
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  if (lh_store_create(&store, f->folder, &f->facts, NULL) != 0) _exit(1);
  progress->created = 1;
  for (uint32_t k = 0; k < INTERVALS_MOST; k++) {
    if (store_interval(store, k, &s, NULL) != 0 || lh_store_commit(store, NULL) != 0) _exit(2);
    progress->committed = k + 1;
  }
  _exit(3);
}

struct books {
  struct lh_snapshot total[GROUPS];
  uint32_t intervals, next_k;
  uint64_t endings;
};

static int add_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  struct books *books = context;
  assert_int_equal(k * GROUPS + group, books->intervals); /* no hole, no half interval */
  books->intervals++;
  return lh_snapshot_merge_later(&books->total[group], snapshot);
}

static int add_ending(void *context, const struct lh_ending *ending, uint64_t count) {
  (void)ending;
  ((struct books *)context)->endings += count;
  return 0;
}

static void check_books(const char *path, uint32_t committed) {
  struct lh_err err = {0};
  struct lh_reader *reader;
  assert_ok(lh_reader_open(&reader, path, &err), err);
  assert_null(lh_reader_note(reader));
  assert_int_equal(lh_reader_run(reader)->how, LH_RUN_UNFINISHED);
  struct books books = {0};
  for (int g = 0; g < GROUPS; g++) lh_snapshot_init(&books.total[g]);
  const struct lh_reader_visits visits = {.context = &books, .interval = add_interval, .ending = add_ending};
  assert_ok(lh_reader_visit(reader, 0, UINT32_MAX, &visits, &err), err);
  uint32_t kept = lh_reader_run(reader)->interval_count;
  assert_true(kept == committed || kept == committed + 1); /* killed between the commit and its being noted */
  assert_int_equal(books.intervals, kept * GROUPS);
  uint64_t ended = 0;
  for (int g = 0; g < GROUPS; g++) {
    if (kept) assert_ok(lh_snapshot_check(&books.total[g], &err), err);
    ended += books.total[g].counters[LH_COUNTER_ended];
    lh_snapshot_free(&books.total[g]);
  }
  assert_int_equal(books.endings, ended);
  lh_reader_close(reader);
}

static void test_killed_at_any_moment(void **state) {
  (void)state;
  struct progress *progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(progress != MAP_FAILED);
  uint32_t most = 0;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    struct fixture f;
    fixture_make(&f);
    *progress = (struct progress){0};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) write_until_killed(&f, progress);
    struct timespec wait = {.tv_nsec =
                                (long)lh_rng_below(lh_rng_at(7, LH_RNG_SIM, round, 0), round < 8 ? 15000000 : 120000000)};
    nanosleep(&wait, NULL);
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    char *path = NULL;
    struct lh_err err = {0};
    int code = lh_store_latest(f.folder, &path, &err);
    if (progress->created) {
      assert_ok(code, err);
      check_books(path, progress->committed);
      check_books(path, progress->committed); /* and again: reading spoils nothing */
    } else if (code == 0) {                   /* killed while the file was made: a sentence, or an empty run */
      struct lh_reader *reader;
      if (lh_reader_open(&reader, path, &err) == 0)
        lh_reader_close(reader);
      else
        assert_non_null(strstr(err.text, path));
    }
    if (progress->committed > most) most = progress->committed;
    free(path);
    fixture_remove(&f);
  }
  assert_true(most > 5);
  munmap(progress, sizeof *progress);
}

/* A reader that comes while the writer is at work sees whole intervals, and more each time. */
static void test_reading_while_writing(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  struct lh_err err = {0};
  struct lh_store *store;
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  assert_ok(lh_store_create(&store, f.folder, &f.facts, &err), err);
  for (uint32_t k = 0; k < 60; k++) {
    assert_ok(store_interval(store, k, &s, &err), err);
    check_books(lh_store_path(store), k);
    assert_ok(lh_store_commit(store, &err), err);
    check_books(lh_store_path(store), k + 1);
  }
  lh_store_close(store);
  lh_snapshot_free(&s);
  fixture_remove(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_at_any_moment), cmocka_unit_test(test_reading_while_writing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
