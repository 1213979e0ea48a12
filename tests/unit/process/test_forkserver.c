/* SPDX-License-Identifier: MIT */
/* The fork server: children end as they were asked to, and nothing is left when a server, its
 * parent, a thread or a program is gone.
 *
 * The program runs itself again as the server. The start info of a child is its deed; it writes
 * what it found into its worker status.
 */
#include "process/forkserver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"
#include "process/child.h"
#include "shared/sweep.h"

enum deed {
  EXIT,      /* with the argument */
  SAY_FIRST, /* publish the argument as exit code, then exit with another */
  DIE,       /* by the signal that is the argument */
  STAY,
};
enum { MANY = 40, THREADS = 4, BY_EACH = 8, CHILD_FILES = 5 /* standard streams, segment and its bag */ };

static char self[PATH_MAX];
static const char *const argv_of_server[] = {self, "--server", CHILD_OPTIONS, NULL};

/* Number of open descriptors, without the one that counts them. */
static int count_files(void) {
  DIR *files = opendir("/proc/self/fd");
  CHECK(files != NULL);
  int count = -1;
  for (const struct dirent *entry = readdir(files); entry; entry = readdir(files))
    count += entry->d_name[0] != '.';
  closedir(files);
  return count;
}

/* ---- the child's side ------------------------------------------------------------------------ */

static block_ref to_do(enum deed deed, unsigned argument) { return (block_ref)deed << 32 | argument; }

/* The parent's pid and the number of open files are in two fields of the worker status that have no
 * other use here. */
NO_RETURN static void do_deed(const struct child_options *options) {
  struct worker_status *c = segment_at(options->worker_status);
  const int argument = (int)(options->start_info & UINT32_MAX);
  atomic_store(&c->items, (uint64_t)getppid());
  atomic_store(&c->bytes_in, (uint64_t)count_files());
  worker_status_introduce(c, "child", 0);
  if (!worker_status_run(c)) process_exit_now(1);
  switch ((enum deed)(options->start_info >> 32)) {
    case EXIT: process_exit_now(argument);
    case SAY_FIRST: worker_status_end(c, argument); process_exit_now(argument + 1);
    case DIE: raise(argument); break;
    case STAY: break;
  }
  for (;;) pause();
}

NO_RETURN static void serve(const char *text) {
  struct child_options options;
  if (forkserver_serve(text, &options)) process_exit_now(1);
  do_deed(&options);
}

/* ---- the parent's side ----------------------------------------------------------------------- */

static struct child request(block_ref what) {
  struct child c;
  CHECK_EQ(child_request(&c, argv_of_server, what), STATUS_OK);
  return c;
}

static int end_of(struct child *c) {
  status st = STATUS_INTERRUPTED;
  while (st == STATUS_INTERRUPTED) st = child_wait(c, deadline_never());
  CHECK_EQ(st, STATUS_OK);
  const int exit_code = c->exit_code;
  child_fini(c);
  return exit_code;
}

/* A child that has started and runs until it is killed. */
static struct child request_running(void) {
  struct child c = request(to_do(STAY, 0));
  for (;;) {
    const uint32_t phase = atomic_load(&c.worker_status->phase);
    if (phase != WORKER_STATUS_STARTING) break;
    if (futex_wait(&c.worker_status->phase, phase, deadline_never())) continue;
  }
  return c;
}

static int end_by_signal(struct child *c, int number) {
  child_signal(c, number);
  return end_of(c);
}

static pid_t server_of(const struct child *running) {
  return (pid_t)atomic_load(&running->worker_status->items);
}

static pid_t server_now(void) {
  struct child c = request_running();
  const pid_t server = server_of(&c);
  CHECK_EQ(end_by_signal(&c, SIGKILL), -SIGKILL);
  return server;
}

static uint64_t used(void) { return arena_used(segment_arena()); }

static void check_no_child_of_ours(void) {
  CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
  CHECK_EQ(errno, ECHILD);
}

/* ---- children -------------------------------------------------------------------------------- */

static void a_child_ends_as_its_cell_says(void) {
  for (unsigned code = 0; code < 256; code += 51) {
    struct child c = request(to_do(EXIT, code));
    CHECK_EQ(end_of(&c), code);
  }
  static const int signals[] = {SIGTERM, SIGKILL, SIGUSR1};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    struct child c = request(to_do(DIE, (unsigned)signals[i]));
    CHECK_EQ(end_of(&c), -signals[i]);
  }
  struct child killed = request_running();
  CHECK_EQ(child_wait(&killed, deadline_now()), STATUS_TIMEOUT);
  CHECK_EQ(end_by_signal(&killed, SIGTERM), -SIGTERM);
}

/* The first exit code counts. The next child gets the same memory as its worker status, and the
 * server's report about the one before must not go there. */
static void what_a_child_says_itself_counts_and_is_not_said_of_the_next(void) {
  for (int i = 0; i < 20; i++) {
    struct child told = request(to_do(SAY_FIRST, 5));
    CHECK_EQ(end_of(&told), 5);
    struct child next = request_running();
    CHECK_EQ(end_by_signal(&next, SIGTERM), -SIGTERM);
  }
}

/* More children than the server has room for at first; the last one is waited for first. */
static void many_children_live_at_once_and_each_ends_with_its_own_code(void) {
  static struct child children[MANY];
  struct child staying = request_running();
  for (unsigned i = 0; i < MANY; i++) children[i] = request(to_do(i % 3 ? EXIT : STAY, i));
  for (int i = MANY - 1; i >= 0; i--) {
    if (i % 3 == 0) child_signal(&children[i], SIGTERM);
    CHECK_EQ(end_of(&children[i]), i % 3 ? i : -SIGTERM);
  }
  CHECK_EQ(end_by_signal(&staying, SIGKILL), -SIGKILL);
}

/* A child inherits neither the parent's files nor the server's pidfds of other children. */
static void a_child_inherits_no_descriptor(void) {
  struct child c[10];
  const int open_for_all = open("/dev/null", O_RDONLY);
  forkserver_stop();
  for (int i = 0; i < 10; i++) c[i] = request_running();
  const pid_t server = server_of(&c[0]);
  CHECK(server != getpid());
  for (int i = 0; i < 10; i++) {
    CHECK_EQ(atomic_load(&c[i].worker_status->bytes_in), CHILD_FILES);
    CHECK_EQ(server_of(&c[i]), server);
    CHECK_EQ(end_by_signal(&c[i], SIGKILL), -SIGKILL);
  }
  close(open_for_all);
}

static void requests_leave_nothing_behind(void) {
  (void)server_now();
  const int files = count_files();
  const uint64_t blocks = used();
  for (unsigned i = 0; i < MANY; i++) {
    struct child c = request(to_do(EXIT, i));
    CHECK_EQ(end_of(&c), i);
  }
  CHECK_EQ(count_files(), files);
  CHECK_EQ(used(), blocks);
  struct child last = request_running();
  CHECK_EQ(atomic_load(&last.worker_status->bytes_in), CHILD_FILES); /* nor the last child */
  CHECK_EQ(end_by_signal(&last, SIGKILL), -SIGKILL);
}

/* ---- ends of servers ------------------------------------------------------------------------- */

static void a_server_that_is_stopped_is_gone_with_its_children(void) {
  struct child c = request_running();
  const pid_t server = server_of(&c);
  forkserver_stop();
  CHECK_EQ(end_of(&c), -SIGKILL);
  check_no_child_of_ours();
  forkserver_stop();
  CHECK(server_now() != server);
}

static void a_server_that_was_killed_is_replaced_at_the_next_request(void) {
  struct child before = request_running();
  const pid_t server = server_of(&before);
  CHECK_EQ(kill(server, SIGKILL), 0);
  struct child after = request_running();
  CHECK(server_of(&after) != server);
  CHECK_EQ(end_of(&before), -SIGKILL); /* by the kernel; there is no report */
  CHECK_EQ(end_by_signal(&after, SIGTERM), -SIGTERM);
}

/* The old server's child goes on, and its end is known although it is not reported; what the server
 * does not get to do until it goes on is not done then. */
static void a_stopped_server_loses_its_starts_to_another_one(void) {
  forkserver_stop();
  struct child before = request_running();
  struct child dying = request_running();
  const pid_t server = server_of(&before);
  CHECK_EQ(kill(server, SIGSTOP), 0);
  struct child after = request_running();
  CHECK(server_of(&after) != server);
  CHECK_EQ(child_wait(&before, deadline_now()), STATUS_TIMEOUT);
  CHECK_EQ(end_by_signal(&dying, SIGTERM), -SIGTERM);
  CHECK_EQ(kill(server, SIGCONT), 0);
  CHECK_EQ(end_by_signal(&before, SIGTERM), -SIGTERM);
  struct child last = request_running();
  CHECK_EQ(server_of(&last), server_of(&after));
  CHECK_EQ(end_by_signal(&after, SIGTERM), -SIGTERM);
  CHECK_EQ(end_by_signal(&last, SIGTERM), -SIGTERM);
  forkserver_stop();
  check_no_child_of_ours();
}

static void stopped_servers_leave_nothing_behind(void) {
  forkserver_stop();
  const int files = count_files();
  const uint64_t blocks = used();
  struct child first = request_running();
  CHECK_EQ(kill(server_of(&first), SIGSTOP), 0);
  struct child second = request_running();
  CHECK_EQ(end_by_signal(&first, SIGKILL), -SIGKILL);
  CHECK_EQ(end_by_signal(&second, SIGKILL), -SIGKILL);
  forkserver_stop();
  check_no_child_of_ours();
  CHECK_EQ(count_files(), files);
  CHECK_EQ(used(), blocks);
}

static void start_a_server(void *server) { *(pid_t *)server = server_now(); }

static void a_server_outlives_the_thread_that_started_it(void) {
  struct thread t;
  pid_t server = 0;
  forkserver_stop();
  CHECK_EQ(thread_start(&t, start_a_server, &server, "starter"), STATUS_OK);
  thread_join(&t);
  CHECK_EQ(server_now(), server);
}

static void request_some(void *argument) {
  (void)argument;
  for (unsigned i = 0; i < BY_EACH; i++) {
    struct child c = request(to_do(EXIT, i));
    CHECK_EQ(end_of(&c), i);
  }
}

static void several_threads_ask_one_server(void) {
  struct thread threads[THREADS];
  forkserver_stop();
  for (int i = 0; i < THREADS; i++)
    CHECK_EQ(thread_start(&threads[i], request_some, NULL, "asker"), STATUS_OK);
  for (int i = 0; i < THREADS; i++) thread_join(&threads[i]);
}

/* Another process requests a child, prints the pids, and is killed. */
static void request_and_say(void *argument) {
  (void)argument;
  const struct child c = request_running();
  printf("%d %d\n", (int)server_of(&c), c.pid);
  fflush(stdout);
}

NO_RETURN static void be_a_parent(const char *how) {
  struct thread t;
  CHECK_EQ(segment_open(), STATUS_OK);
  if (strcmp(how, "--parent") == 0)
    request_and_say(NULL);
  else
    CHECK_EQ(thread_start(&t, request_and_say, NULL, "asker"), STATUS_OK);
  for (;;) pause();
}

static void await_end_of(pid_t pid) {
  int pidfd = -1;
  const status st = process_watch(&pidfd, pid);
  if (st == -ESRCH) return;
  CHECK_EQ(st, STATUS_OK);
  while (process_wait_end(pidfd, deadline_never()) == STATUS_INTERRUPTED) continue;
  close(pidfd);
}

static void end_a_parent(const char *how, bool is_server_stopped) {
  int ends[2];
  int server = 0;
  int child = 0;
  CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t parent = fork();
  CHECK(parent >= 0);
  if (parent == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execl(self, self, how, (char *)NULL);
    process_exit_now(1);
  }
  close(ends[1]);
  FILE *said = fdopen(ends[0], "r");
  CHECK_EQ(fscanf(said, "%d %d", &server, &child), 2);
  CHECK(server != parent && child != server);
  CHECK_EQ(kill(server, is_server_stopped ? SIGSTOP : 0), 0);
  CHECK_EQ(kill(parent, SIGKILL), 0);
  CHECK_EQ(waitpid(parent, NULL, 0), parent);
  await_end_of(server);
  await_end_of(child);
  fclose(said);
}

static void a_server_whose_parent_was_killed_ends_with_its_children(void) {
  for (int is_server_stopped = 0; is_server_stopped <= 1; is_server_stopped++) {
    end_a_parent("--parent", is_server_stopped);
    end_a_parent("--parent-thread", is_server_stopped);
  }
}

static void a_forked_child_has_a_server_of_its_own(void) {
  struct child c;
  struct worker_status *worker_status = NULL;
  enum child_side side = CHILD_PARENT;
  const pid_t server = server_now();
  CHECK_EQ(child_fork(&c, NULL, &side, &worker_status), STATUS_OK);
  if (side == CHILD_CHILD) {
    forkserver_forget();
    const bool is_its_own = server_now() != server;
    forkserver_stop();
    process_exit_now(is_its_own ? 0 : 1);
  }
  CHECK_EQ(end_of(&c), 0);
  CHECK_EQ(server_now(), server);
}

/* ---- failures -------------------------------------------------------------------------------- */

static void what_is_no_server_is_a_failure_and_the_next_request_is_as_good_as_ever(void) {
  static const char *const none[] = {"/nonexistent", CHILD_OPTIONS, NULL};
  static const char *const ends[] = {self, "--nothing", CHILD_OPTIONS, NULL};
  struct child c;
  forkserver_stop();
  const int files = count_files();
  const uint64_t blocks = used();
  CHECK_EQ(child_request(&c, none, 0), -ENOENT);
  CHECK_EQ(count_files(), files);
  CHECK_EQ(used(), blocks);
  const status st = child_request(&c, ends, 0);
  CHECK(st == STATUS_CLOSED || st == -EPIPE || st == -ECONNRESET);
  (void)server_now();
  forkserver_stop();
  check_no_child_of_ours();
  CHECK_EQ(count_files(), files);
  CHECK_EQ(used(), blocks);
}

/* Starts a server and requests a child; true: both succeeded. */
static bool try_request(uint64_t blocks) {
  struct child c;
  const status st = child_request(&c, argv_of_server, to_do(EXIT, 3));
#if defined(MM_FAULTS)
  memory_fail_after(0);
#endif
  if (st == STATUS_OK) CHECK_EQ(end_of(&c), 3);
  forkserver_stop();
  CHECK(st == STATUS_OK || st == -ENOMEM || st == -EMFILE);
  CHECK_EQ(used(), blocks);
  return st == STATUS_OK;
}

static void memory_may_run_out_at_each_allocation(void) {
#if defined(MM_FAULTS)
  forkserver_stop();
  const int files = count_files();
  const uint64_t blocks = used();
  bool is_good = false;
  for (long n = 1; !is_good; n++) {
    memory_fail_after(n);
    is_good = try_request(blocks);
    CHECK_EQ(count_files(), files);
    check_no_child_of_ours();
  }
#endif
}

static void descriptors_may_run_out_at_any_point(void) {
  struct rlimit before;
  forkserver_stop();
  const int files = count_files();
  const uint64_t blocks = used();
  CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  bool is_good = false;
  for (rlim_t more = 0; !is_good; more++) {
    const struct rlimit few = {(rlim_t)files + more, before.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    is_good = try_request(blocks);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_EQ(count_files(), files);
    check_no_child_of_ours();
    CHECK(more < 20);
  }
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--server") == 0) serve(argv[2]);
  if (argc == 3) return 0; /* --nothing */
  CHECK_EQ(process_executable(self, sizeof self), STATUS_OK);
  if (argc == 2) be_a_parent(argv[1]);
  CHECK_EQ(segment_open(), STATUS_OK);
  a_child_ends_as_its_cell_says();
  what_a_child_says_itself_counts_and_is_not_said_of_the_next();
  many_children_live_at_once_and_each_ends_with_its_own_code();
  a_child_inherits_no_descriptor();
  requests_leave_nothing_behind();
  a_server_that_is_stopped_is_gone_with_its_children();
  a_server_that_was_killed_is_replaced_at_the_next_request();
  a_stopped_server_loses_its_starts_to_another_one();
  stopped_servers_leave_nothing_behind();
  a_server_outlives_the_thread_that_started_it();
  several_threads_ask_one_server();
  a_server_whose_parent_was_killed_ends_with_its_children();
  a_forked_child_has_a_server_of_its_own();
  what_is_no_server_is_a_failure_and_the_next_request_is_as_good_as_ever();
  memory_may_run_out_at_each_allocation();
  descriptors_may_run_out_at_any_point();
  forkserver_stop();
  segment_validate();
  return 0;
}
