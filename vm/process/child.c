/* SPDX-License-Identifier: MIT */
/* Starting, watching and ending child processes. forkserver.c starts the children of the fork
 * server.
 */
#include "process/child.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/signals.h"
#include "process/child_start.h"

enum { ARGUMENTS_MAX = 16 };
/* How long the report of a fork server is awaited before the kernel is asked, and where it does not
 * say, and how long between two looks whether the fork server still runs. */
static const double report_seconds = 0.02, late_report_seconds = 1, look_seconds = 0.002;

/* ---- what every way of starting shares ------------------------------------------------------- */

static void close_watch(struct child *c) {
  if (c->pidfd >= 0) process_unwatch(c->pidfd);
  c->pidfd = -1;
}

/* Opens a pidfd of this process in advance, to reserve a descriptor: a child is started only if it
 * can be watched. Otherwise it might run for a while before it is killed. */
status child_prepare(struct child *c) {
  *c = (struct child){.pidfd = -1};
  status st = process_watch(&c->pidfd, process_pid());
  if (st) return st;
  st = segment_reserve_slot(&c->place);
  if (st) {
    close_watch(c);
    return st;
  }
  st = worker_status_make(&c->worker_status);
  if (st) {
    segment_forget_child(c->place);
    close_watch(c);
  }
  return st;
}

void child_abandon(struct child *c) {
  close_watch(c);
  worker_status_destroy(c->worker_status);
  segment_forget_child(c->place);
}

struct child_options child_options_for(const struct child *c, block_ref start_info) {
  return (struct child_options){.place = c->place,
                                .worker_status = segment_ref(c->worker_status),
                                .start_info = start_info,
                                .parent = process_pid()};
}

/* Where SIGCHLD is ignored, a short-lived child may be gone before it can be watched: it has ended,
 * and its worker status has the exit code. A child that exists but cannot be watched, because
 * another thread took the reserved descriptor, is killed. */
status child_watch(struct child *c) {
  close_watch(c);
  const status st = process_watch(&c->pidfd, c->pid);
  if (st == STATUS_OK || st == -ESRCH) return STATUS_OK;
  process_kill(c->pid);
  int exit_code = 0;
  if (process_reap(c->pid, &exit_code)) c->exit_code = exit_code;
  return st;
}

/* ---- fork ------------------------------------------------------------------------------------ */

/* Where the program began with its standard input closed, that descriptor is another's. */
static void end_standard_input(void) {
  if (segment_fd() != 0) (void)!process_end_input();
}

/* A pool that ends at once asks children to end that have not begun: nothing is theirs yet. */
static void end_if_asked(const struct child *c) {
  if (!atomic_load(&c->worker_status->stop_requested)) return;
  worker_status_end(c->worker_status, 0);
  process_exit_now(0);
}

static void become_child(struct child *c, int32_t parent) {
  end_if_asked(c);
  close_watch(c);
  segment_after_fork(c->place.slot);
  signals_reset_in_child();
  end_standard_input();
  process_close_program_inputs(parent);
}

status child_fork(struct child *out, const struct object_list *passed, enum child_side *side,
                  struct worker_status **worker_status) {
  struct child c;
  status st = child_prepare(&c);
  if (st) return st;
  segment_share_with_child(c.place.slot, passed);
  fflush(NULL); /* so that buffered output is written once, by the parent */
  pid_t pid = 0;
  const int32_t parent = process_pid();
  st = process_fork(&pid);
  if (st) {
    child_abandon(&c);
    return st;
  }
  if (pid == 0) {
    become_child(&c, parent);
    *worker_status = c.worker_status;
    *side = CHILD_CHILD;
    return STATUS_OK;
  }
  c.pid = (int32_t)pid;
  st = child_watch(&c);
  if (st) {
    child_abandon(&c);
    return st;
  }
  *out = c;
  *side = CHILD_PARENT;
  return STATUS_OK;
}

/* ---- spawn ----------------------------------------------------------------------------------- */

/* The descriptors that a started program inherits, by number; -1: none. */
struct inherited {
  int segment;
  int bag;
  int channel;
};

static void child_options_print(const struct child_options *options, const struct inherited *inherited,
                                char text[CHILD_OPTIONS_MAX]) {
  snprintf(text, CHILD_OPTIONS_MAX, "%d,%d,%d,%u,%u,%llu,%llu,%d", inherited->segment, inherited->bag,
           inherited->channel, options->place.slot, options->place.generation,
           (unsigned long long)options->worker_status, (unsigned long long)options->start_info,
           options->parent);
}

static status child_options_parse_text(const char *text, struct child_options *options,
                                       struct inherited *inherited) {
  unsigned long long worker_status = 0;
  unsigned long long start_info = 0;
  const int fields =
      sscanf(text, "%d,%d,%d,%u,%u,%llu,%llu,%d", &inherited->segment, &inherited->bag, &inherited->channel,
             &options->place.slot, &options->place.generation, &worker_status, &start_info, &options->parent);
  options->worker_status = worker_status;
  options->start_info = start_info;
  return fields == 8 ? STATUS_OK : STATUS_MALFORMED;
}

/* The argument with the options in the place of CHILD_OPTIONS. The caller frees it. */
static char *fill_in(const char *argument, const char *options) {
  const char *place = strstr(argument, CHILD_OPTIONS);
  const size_t before = (size_t)(place - argument);
  const char *after = place + strlen(CHILD_OPTIONS);
  char *text = memory_alloc(strlen(argument) + strlen(options) + 1);
  if (!text) return NULL;
  memcpy(text, argument, before);
  strcpy(text + before, options);
  strcat(text, after);
  return text;
}

status child_launch(const char *const argv[], const struct child_options *options, int channel,
                    int32_t *pid) {
  char text[CHILD_OPTIONS_MAX];
  const struct inherited inherited = {segment_fd(), segment_bag(), channel};
  child_options_print(options, &inherited, text);
  char *arguments[ARGUMENTS_MAX + 1] = {0};
  char *filled = NULL;
  for (size_t i = 0; argv[i]; i++) {
    CHECK(i < ARGUMENTS_MAX);
    arguments[i] = (char *)(uintptr_t)argv[i];
    if (!strstr(argv[i], CHILD_OPTIONS)) continue;
    arguments[i] = filled = fill_in(argv[i], text);
    if (!filled) return -ENOMEM;
  }
  fflush(NULL);
  pid_t new_pid = 0;
  const int kept[] = {inherited.segment, inherited.bag, inherited.channel};
  const status st = process_spawn(&new_pid, arguments, kept, sizeof kept / sizeof *kept);
  if (st == STATUS_OK) *pid = (int32_t)new_pid;
  memory_free(filled);
  return st;
}

status child_spawn(struct child *out, const char *const argv[], block_ref start_info) {
  struct child c;
  status st = child_prepare(&c);
  if (st) return st;
  const struct child_options options = child_options_for(&c, start_info);
  st = child_launch(argv, &options, -1, &c.pid);
  if (st == STATUS_OK) st = child_watch(&c);
  if (st)
    child_abandon(&c);
  else
    *out = c;
  return st;
}

status child_attach_with_channel(const char *text, struct child_options *out, int *channel) {
  struct inherited inherited = {-1, -1, -1};
  status st = child_options_parse_text(text, out, &inherited);
  if (st) return st;
  const int kept[] = {inherited.segment, inherited.bag, inherited.channel};
  process_close_inherited(kept, sizeof kept / sizeof *kept);
  *channel = inherited.channel;
  st = process_die_with_parent(out->parent);
  if (st) return st;
  signals_reset_in_child();
  st = segment_join(inherited.segment, inherited.bag, out->place.slot);
  if (st == STATUS_OK) end_standard_input();
  return st;
}

status child_attach(const char *text, struct child_options *out) {
  int channel = -1;
  return child_attach_with_channel(text, out, &channel);
}

/* ---- watching and ending --------------------------------------------------------------------- */

/* The exit code that the ended child published, or its fork server; without one it was killed, or
 * did not know that it ended. */
static int published_exit_code(const struct child *c) {
  return worker_status_has_ended(c->worker_status) ? atomic_load(&c->worker_status->exit_code) : -SIGKILL;
}

static bool is_reported(const struct child *c) { return worker_status_is_reported(c->worker_status); }

/* Until the fork server has reported, is gone, or the time is up. True: it has reported. */
static bool await_report(const struct child *c, deadline until) {
  while (!is_reported(c) && reporter_lives(c->reporter) && !deadline_passed(until)) {
    const deadline slice = deadline_earlier(until, deadline_after(look_seconds));
    if (worker_status_wait_report(c->worker_status, slice) == STATUS_OK) break;
  }
  return is_reported(c);
}

/* A fork server that was stopped reports later, and has not reaped the child: the kernel knows. */
static int reported_exit_code(const struct child *c) {
  int exit_code = 0;
  if (await_report(c, deadline_after(report_seconds)) || worker_status_has_ended(c->worker_status))
    return published_exit_code(c);
  if (process_ended_code(c->pid, c->pidfd, &exit_code) == STATUS_OK) return exit_code;
  (void)await_report(c, deadline_after(late_report_seconds));
  return published_exit_code(c);
}

/* Hosts such as nginx reap all children: then the child's own word counts. */
static void note_end(struct child *c) {
  int exit_code = 0;
  if (!c->reporter) process_end_group(c->pid);
  if (c->reporter)
    exit_code = reported_exit_code(c);
  else if (process_reap(c->pid, &exit_code))
    exit_code = published_exit_code(c);
  c->exit_code = exit_code;
  c->has_ended = true;
  worker_status_end(c->worker_status, exit_code);
  segment_forget_child(c->place);
}

status child_await(const struct child *c, deadline until) {
  return c->pidfd < 0 ? STATUS_OK : process_wait_end(c->pidfd, until);
}

status child_wait(struct child *c, deadline until) {
  if (c->has_ended) return STATUS_OK;
  const status st = child_await(c, until);
  if (st == STATUS_OK) note_end(c);
  return st;
}

void child_unwatch(struct child *c) {
  if (c->has_ended) close_watch(c);
}

void child_signal(struct child *c, int signal_number) {
  if (!c->has_ended) process_signal(c->pidfd, signal_number);
}

void child_fini(struct child *c) {
  CHECK(c->has_ended);
  close_watch(c);
  if (c->reporter && !is_reported(c) && reporter_lives(c->reporter))
    reporter_leave_status(c->reporter, c->worker_status);
  else
    worker_status_destroy(c->worker_status);
  if (c->reporter) reporter_release(c->reporter);
  c->reporter = NULL;
  c->worker_status = NULL;
}
