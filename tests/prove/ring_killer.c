/* SPDX-License-Identifier: MIT */
/* Kills processes at random instants while they put and take, and proves that no other process is
 * harmed.
 *
 *     ring_killer SECONDS [SEED]    one line on stdout; 1 and the reason on stderr if
 *                                   anything is wrong
 *
 * It works in rounds. A round makes rings of each kind (growing, bounded by count, bounded by
 * bytes), starts processes that put and take in some of them, kills one after the other and starts
 * another in its place, and then drains the rings. It checks:
 *
 *  - A producer numbers its messages and notes, before and after each put, in memory that outlives
 *    it, the number that it tries and the number that is in. Each message that is in was taken,
 *    once; the one that was being tried may have been taken; no other was. A consumer that was
 *    killed took at most one message with it.
 *  - Each message arrived byte by byte as it was put.
 *  - No process was in one put or take for longer than a second.
 *  - The rings and the segment validate; there are as many blocks and descriptors as before.
 *
 * Some deaths are noticed at once, as by a parent that waits; others only later, so that the users
 * of the rings have to repair by themselves. Some processes have two threads that put and take at
 * once.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "channel/message_refs.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"
#include "shared/ring.h"
#include "shared/sweep.h"

enum {
  RINGS = 3,
  WORKERS = 9,       /* processes at a time */
  ROLES = 2,         /* threads in a process, at most */
  LIVES_MAX = 1024,  /* producers of a round */
  NUMBERS = 1 << 16, /* messages of a producer */
  DEATHS = 150,      /* of a round */
  SWEPT_LATE = 8,    /* one in so many deaths */
  BACKLOG = 3000,    /* messages in a ring without a bound, about */
  BIGGEST = 60000,
};
static const int64_t second_ns = 1000000000;

/* ---- the evidence, which outlives every process ---------------------------------------------- */

struct life { /* of a producer; written by it alone */
  uint32_t ring;
  _Atomic uint32_t tried; /* the number of the message that it put last, or tries to put */
  _Atomic uint32_t done;  /* the number of the last one that is in */
};

struct role {
  _Atomic int64_t since; /* when its put or take began; 0: it is in none */
};

struct evidence {
  _Atomic int stop;
  _Atomic int torn;
  _Atomic int64_t longest; /* of a put or take that ended */
  struct life lives[LIVES_MAX];
  struct role roles[WORKERS][ROLES];
  _Atomic uint8_t taken[LIVES_MAX][NUMBERS]; /* how often */
};

struct text { /* a message: this head, then bytes that are all the same */
  uint32_t life;
  uint32_t number;
  uint32_t size;
  uint32_t fill;
};

struct job {
  struct evidence *evidence;
  struct role *role;
  struct ring *ring;
  uint32_t life; /* LIVES_MAX: a consumer */
  uint64_t random;
};

struct worker {
  pid_t pid; /* 0: none */
  struct child_slot place;
  struct job jobs[ROLES];
  int job_count;
};

struct killer {
  uint64_t seed;
  uint64_t random;
  struct evidence *evidence;
  struct ring *rings[RINGS];
  struct worker workers[WORKERS];
  struct child_slot unannounced[DEATHS];
  int unannounced_count;
  uint32_t lives;
  uint64_t consumers_killed[RINGS];
  uint64_t deaths, messages, with_the_dead, rounds;
  int64_t longest;
};

static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}
static uint32_t below(uint64_t *state, uint32_t limit) {
  return (uint32_t)(next_random(state) >> 20) % limit;
}

NO_RETURN static void fail(struct killer *k, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "ring_killer, seed %llu, round %llu, after %llu deaths: ", (unsigned long long)k->seed,
          (unsigned long long)k->rounds, (unsigned long long)k->deaths);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  for (int i = 0; i < WORKERS; i++)
    if (k->workers[i].pid) kill(k->workers[i].pid, SIGKILL);
  exit(1);
}

/* ---- what a worker does ---------------------------------------------------------------------- */

static void begin(struct job *j) { atomic_store(&j->role->since, clock_now_ns()); }

static void end(struct job *j) {
  const int64_t took = clock_now_ns() - atomic_load(&j->role->since);
  atomic_store(&j->role->since, 0);
  int64_t longest = atomic_load(&j->evidence->longest);
  while (took > longest && !atomic_compare_exchange_weak(&j->evidence->longest, &longest, took)) {
  }
}

static uint32_t random_size(uint64_t *random) {
  const uint32_t least = sizeof(struct text);
  switch (below(random, 10)) {
    case 0: return least + below(random, BIGGEST - least);
    case 1:
    case 2: return least + below(random, 4096 - least);
    default: return least + below(random, 200);
  }
}

/* False when the ring was closed. */
static bool put_one(struct job *j, uint8_t *buffer) {
  struct life *life = &j->evidence->lives[j->life];
  const uint32_t number = atomic_load(&life->done) + 1;
  const struct text text = {j->life, number, random_size(&j->random), (number * 31 + j->life) & 0xff};
  memset(buffer, (int)text.fill, text.size - sizeof text);
  const struct ring_record record = {
      .head = &text, .head_size = sizeof text, .body = buffer, .body_size = text.size - sizeof text};
  atomic_store(&life->tried, number);
  begin(j);
  const status st = ring_put(j->ring, &record, deadline_never());
  end(j);
  if (st != STATUS_OK) return false;
  atomic_store(&life->done, number);
  return true;
}

static void put_all(void *argument) {
  struct job *j = argument;
  uint8_t *buffer = malloc(BIGGEST);
  CHECK(buffer);
  for (uint32_t i = 1; i < NUMBERS && !atomic_load(&j->evidence->stop); i++) {
    if (!put_one(j, buffer)) break;
    while (i % 64 == 0 && ring_count(j->ring) > BACKLOG && !atomic_load(&j->evidence->stop)) usleep(100);
  }
  free(buffer);
}

static bool is_whole(const struct ring_message *m) {
  struct text text;
  if (m->size < sizeof text) return false;
  memcpy(&text, m->data, sizeof text);
  if (text.size != m->size || text.life >= LIVES_MAX || text.number >= NUMBERS) return false;
  const uint8_t *bytes = m->data + sizeof text;
  const size_t count = m->size - sizeof text;
  return count == 0 || (bytes[0] == text.fill && memcmp(bytes, bytes + 1, count - 1) == 0);
}

static void note_taken(struct job *j, const struct ring_message *m) {
  struct text text;
  memcpy(&text, m->data, sizeof text);
  if (is_whole(m))
    atomic_fetch_add(&j->evidence->taken[text.life][text.number], 1);
  else
    atomic_fetch_add(&j->evidence->torn, 1);
}

static void take_all(void *argument) {
  struct job *j = argument;
  struct bytes inbox;
  struct ring_message m;
  bytes_init(&inbox);
  for (;;) {
    begin(j);
    const status st = ring_take(j->ring, &inbox, &m, deadline_never());
    end(j);
    if (st != STATUS_OK) break;
    note_taken(j, &m);
    ring_message_done(&m);
  }
  bytes_fini(&inbox);
}

static void do_job(struct job *j) {
  if (j->life == LIVES_MAX)
    take_all(j);
  else
    put_all(j);
}

static void do_job_in_thread(void *argument) { do_job(argument); }

NO_RETURN static void be_worker(struct worker *w, pid_t parent) {
  struct thread second;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  segment_after_fork(w->place.slot);
  if (w->job_count == ROLES)
    CHECK_EQ(thread_start(&second, do_job_in_thread, &w->jobs[1], "second"), STATUS_OK);
  do_job(&w->jobs[0]);
  if (w->job_count == ROLES) thread_join(&second);
  _exit(0);
}

/* ---- starting and killing -------------------------------------------------------------------- */

/* Of each three workers one takes, one puts, and one does either; each ring has all three. */
static void give_job(struct killer *k, int index, int role) {
  struct job *j = &k->workers[index].jobs[role];
  const int kind = role == 0 ? index / RINGS : (int)below(&k->random, 3);
  const bool puts = kind == 0 || (kind == 2 && below(&k->random, 2));
  const uint32_t ring = (uint32_t)index % RINGS;
  *j = (struct job){.evidence = k->evidence,
                    .role = &k->evidence->roles[index][role],
                    .ring = k->rings[ring],
                    .life = LIVES_MAX,
                    .random = next_random(&k->random) | 1};
  atomic_store(&j->role->since, 0);
  if (!puts || k->lives == LIVES_MAX) return;
  j->life = k->lives++;
  k->evidence->lives[j->life] = (struct life){.ring = ring};
}

static void start_worker(struct killer *k, int index) {
  struct worker *w = &k->workers[index];
  w->job_count = below(&k->random, 4) == 0 ? 2 : 1;
  for (int role = 0; role < w->job_count; role++) give_job(k, index, role);
  if (segment_reserve_slot(&w->place)) fail(k, "no slot is free");
  segment_share_with_child(w->place.slot, NULL);
  const pid_t parent = getpid();
  if (process_fork(&w->pid)) fail(k, "no child");
  if (w->pid == 0) be_worker(w, parent);
}

static uint32_t ring_index(const struct killer *k, const struct job *j) {
  for (uint32_t i = 0; i < RINGS; i++)
    if (k->rings[i] == j->ring) return i;
  return 0;
}

static void count_death(struct killer *k, const struct worker *w) {
  k->deaths++;
  for (int i = 0; i < w->job_count; i++)
    if (w->jobs[i].life == LIVES_MAX) k->consumers_killed[ring_index(k, &w->jobs[i])]++;
}

static void kill_worker(struct killer *k, int index) {
  struct worker *w = &k->workers[index];
  int report = 0;
  kill(w->pid, SIGKILL);
  if (waitpid(w->pid, &report, 0) != w->pid) fail(k, "a worker cannot be waited for");
  if (WIFSIGNALED(report) ? WTERMSIG(report) != SIGKILL : WEXITSTATUS(report) != 0)
    fail(k, "a worker ended with status %d", report);
  w->pid = 0;
  count_death(k, w);
  if (below(&k->random, SWEPT_LATE))
    segment_forget_child(w->place);
  else
    k->unannounced[k->unannounced_count++] = w->place;
}

static void announce_owner_deaths(struct killer *k) {
  for (int i = 0; i < k->unannounced_count; i++) segment_forget_child(k->unannounced[i]);
  k->unannounced_count = 0;
}

static void look_for_the_stuck(struct killer *k) {
  const int64_t now = clock_now_ns();
  for (int i = 0; i < WORKERS; i++) {
    for (int role = 0; role < k->workers[i].job_count; role++) {
      const int64_t since = atomic_load(&k->evidence->roles[i][role].since);
      if (k->workers[i].pid && since && now - since > second_ns)
        fail(k, "worker %d of ring %d is stuck in a %s", i, i % RINGS,
             k->workers[i].jobs[role].life == LIVES_MAX ? "take" : "put");
    }
  }
}

/* ---- a round --------------------------------------------------------------------------------- */

static void make_rings(struct killer *k) {
  if (ring_make(&k->rings[0], (struct ring_bounds){0}, RING_GROWS)) fail(k, "no ring");
  if (ring_make(&k->rings[1], (struct ring_bounds){1 + below(&k->random, 20), 0}, RING_GROWS))
    fail(k, "no ring");
  if (ring_make(&k->rings[2], (struct ring_bounds){0}, RING_STAYS)) fail(k, "no ring");
}

/* Waits for the workers in that role, which end by themselves. */
static void await_workers(struct killer *k, bool producers) {
  const int64_t start = clock_now_ns();
  for (int i = 0; i < WORKERS; i++) {
    struct worker *w = &k->workers[i];
    bool is_meant = w->pid != 0;
    for (int role = 0; role < w->job_count; role++)
      is_meant = is_meant && (!producers || w->jobs[role].life < LIVES_MAX);
    while (is_meant) {
      int report = 0;
      const pid_t pid = waitpid(w->pid, &report, WNOHANG);
      if (pid == w->pid) {
        if (!WIFEXITED(report) || WEXITSTATUS(report)) fail(k, "a worker ended with status %d", report);
        segment_forget_child(w->place);
        w->pid = 0;
        break;
      }
      if (clock_now_ns() - start > 10 * second_ns) fail(k, "worker %d does not end", i);
      usleep(200);
    }
  }
}

/* All producers have ended or stopped; the consumers drain the rings and see the close. */
static void run_dry(struct killer *k) {
  atomic_store(&k->evidence->stop, 1);
  await_workers(k, true);
  const int64_t start = clock_now_ns();
  for (int i = 0; i < RINGS; i++)
    while (ring_count(k->rings[i])) {
      if (clock_now_ns() - start > 10 * second_ns) fail(k, "ring %d does not run dry", i);
      usleep(200);
    }
  for (int i = 0; i < RINGS; i++) ring_close(k->rings[i]);
  await_workers(k, false);
}

static void check_life(struct killer *k, uint32_t index, uint64_t missing[RINGS]) {
  const struct life *life = &k->evidence->lives[index];
  const uint32_t done = atomic_load(&life->done);
  const uint32_t tried = atomic_load(&life->tried);
  for (uint32_t number = 1; number <= tried + 1 && number < NUMBERS; number++) {
    const unsigned taken = atomic_load(&k->evidence->taken[index][number]);
    if (taken > 1) fail(k, "message %u of producer %u was taken %u times", number, index, taken);
    if (taken && number > tried) fail(k, "message %u of producer %u was never put", number, index);
    if (!taken && number <= done) missing[life->ring]++;
    k->messages += taken;
  }
}

static void check_evidence(struct killer *k) {
  uint64_t missing[RINGS] = {0};
  if (atomic_load(&k->evidence->torn)) fail(k, "%d messages were torn", atomic_load(&k->evidence->torn));
  for (uint32_t i = 0; i < k->lives; i++) check_life(k, i, missing);
  for (int i = 0; i < RINGS; i++) {
    if (missing[i] > k->consumers_killed[i])
      fail(k, "ring %d lost %llu messages, and only %llu consumers were killed", i,
           (unsigned long long)missing[i], (unsigned long long)k->consumers_killed[i]);
    k->with_the_dead += missing[i];
  }
  const int64_t longest = atomic_load(&k->evidence->longest);
  if (longest > k->longest) k->longest = longest;
  if (longest > second_ns) fail(k, "somebody waited for %lld ms", (long long)(longest / 1000000));
}

static void release_rings(struct killer *k) {
  for (int i = 0; i < RINGS; i++) {
    ring_validate(k->rings[i]);
    segment_release(&k->rings[i]->object);
  }
}

static struct evidence *fresh_evidence(struct killer *k) {
  if (k->evidence) munmap(k->evidence, sizeof *k->evidence);
  void *map = mmap(NULL, sizeof *k->evidence, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) fail(k, "no memory for the evidence");
  return map;
}

static void run_round(struct killer *k) {
  const uint64_t blocks = arena_used(segment_arena());
  k->evidence = fresh_evidence(k);
  k->lives = 0;
  memset(k->consumers_killed, 0, sizeof k->consumers_killed);
  make_rings(k);
  for (int i = 0; i < WORKERS; i++) start_worker(k, i);
  for (int i = 0; i < DEATHS; i++) {
    usleep(below(&k->random, 3000));
    const int victim = (int)below(&k->random, WORKERS);
    kill_worker(k, victim);
    start_worker(k, victim);
    look_for_the_stuck(k);
    if (below(&k->random, 20) == 0) announce_owner_deaths(k);
  }
  run_dry(k);
  announce_owner_deaths(k);
  check_evidence(k);
  release_rings(k);
  segment_validate();
  const uint64_t left = arena_used(segment_arena());
  if (left != blocks) fail(k, "%lld blocks are left", (long long)(left - blocks));
  k->rounds++;
}

static int count_descriptors(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/fd");
  while (folder && readdir(folder)) count++;
  if (folder) closedir(folder);
  return count;
}

int main(int argc, char **argv) {
  static struct killer killer;
  struct killer *k = &killer;
  if (argc < 2) {
    fputs("usage: ring_killer SECONDS [SEED]\n", stderr);
    return 2;
  }
  const int64_t until = clock_now_ns() + strtoll(argv[1], NULL, 10) * second_ns;
  k->seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)clock_now_ns() ^ (uint64_t)getpid() << 32;
  k->random = k->seed | 1;
  if (segment_open()) fail(k, "no segment");
  channel_register_kinds();
  const int descriptors = count_descriptors();
  do {
    run_round(k);
    if (count_descriptors() != descriptors) fail(k, "descriptors are left");
  } while (clock_now_ns() < until);
  printf("%llu deaths, %llu messages, %llu taken along by the dead, longest wait %lld ms\n",
         (unsigned long long)k->deaths, (unsigned long long)k->messages, (unsigned long long)k->with_the_dead,
         (long long)(k->longest / 1000000));
  return 0;
}
