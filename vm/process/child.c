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

enum { ARGUMENTS_MAX = 16, REPORT_WAIT_SECONDS = 1 };

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

static void become_child(struct child *c) {
  close_watch(c);
  segment_after_fork(c->place.slot);
  signals_reset_in_child();
}

status child_fork(struct child *out, const struct object_list *passed, enum child_side *side,
                  struct worker_status **worker_status) {
  struct child c;
  status st = child_prepare(&c);
  if (st) return st;
  segment_share_with_child(c.place.slot, passed);
  fflush(NULL); /* so that buffered output is written once, by the parent */
  pid_t pid = 0;
  st = process_fork(&pid);
  if (st) {
    child_abandon(&c);
    return st;
  }
  if (pid == 0) {
    become_child(&c);
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

static void child_options_print(const struct child_options *options, int fd, int channel,
                                char text[CHILD_OPTIONS_MAX]) {
  snprintf(text, CHILD_OPTIONS_MAX, "%d,%d,%u,%u,%llu,%llu,%d", fd, channel, options->place.slot,
           options->place.generation, (unsigned long long)options->worker_status,
           (unsigned long long)options->start_info, options->parent);
}

static status child_options_parse_text(const char *text, struct child_options *options, int *fd,
                                       int *channel) {
  unsigned long long worker_status = 0;
  unsigned long long start_info = 0;
  const int fields = sscanf(text, "%d,%d,%u,%u,%llu,%llu,%d", fd, channel, &options->place.slot,
                            &options->place.generation, &worker_status, &start_info, &options->parent);
  options->worker_status = worker_status;
  options->start_info = start_info;
  return fields == 7 ? STATUS_OK : STATUS_MALFORMED;
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
  child_options_print(options, segment_fd(), channel, text);
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
  const status st = process_spawn(&new_pid, arguments, segment_fd(), channel);
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

/* A fork server does not end with the thread that started it, but when its channel closes. */
status child_attach_with_channel(const char *text, struct child_options *out, int *channel) {
  int fd = -1;
  status st = child_options_parse_text(text, out, &fd, channel);
  if (st) return st;
  process_close_inherited(fd, *channel);
  if (*channel < 0) st = process_die_with_parent(out->parent);
  if (st) return st;
  signals_reset_in_child();
  return segment_join(fd, out->place.slot);
}

status child_attach(const char *text, struct child_options *out) {
  int channel = -1;
  return child_attach_with_channel(text, out, &channel);
}

/* ---- watching and ending --------------------------------------------------------------------- */

/* The exit code that the child published, for when the kernel has none any more: hosts such as
 * nginx reap all children. A report of the fork server is awaited even then: it writes to the
 * worker status, which may be freed after the return. */
static int exit_code_from_status(struct child *c) {
  const deadline until = deadline_after(REPORT_WAIT_SECONDS);
  status st = STATUS_INTERRUPTED;
  while (st == STATUS_INTERRUPTED)
    st = c->is_reaped_elsewhere ? worker_status_wait_report(c->worker_status, until)
                                : worker_status_wait_end(c->worker_status, until);
  return worker_status_has_ended(c->worker_status) ? atomic_load(&c->worker_status->exit_code) : -SIGKILL;
}

static void note_end(struct child *c) {
  int exit_code = 0;
  if (!c->is_reaped_elsewhere) process_end_group(c->pid);
  if (c->is_reaped_elsewhere || process_reap(c->pid, &exit_code)) exit_code = exit_code_from_status(c);
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
  worker_status_destroy(c->worker_status);
  c->worker_status = NULL;
}
