/* SPDX-License-Identifier: MIT */
/* Starting, watching and ending processes. Children of the fork server are started in
 * forkserver.c. */
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

/* Until there is a child to watch, its pidfd is one of ourselves: a descriptor kept, so that a child is
 * started only if it can be watched too. Otherwise it might run for a while before it is killed. */
status child_prepare(struct child *c) {
  *c = (struct child){.pidfd = -1};
  status st = process_watch(&c->pidfd, process_pid());
  if (st) return st;
  st = commons_reserve_slot(&c->place);
  if (st) {
    close_watch(c);
    return st;
  }
  st = cell_make(&c->cell);
  if (st) {
    commons_forget_child(c->place);
    close_watch(c);
  }
  return st;
}

void child_abandon(struct child *c) {
  close_watch(c);
  cell_destroy(c->cell);
  commons_forget_child(c->place);
}

struct child_order child_order_for(const struct child *c, block_ref birth) {
  return (struct child_order){
      .place = c->place, .cell = commons_ref(c->cell), .birth = birth, .parent = process_pid()};
}

/* Where SIGCHLD is ignored, a short child is gone before it can be watched: it has ended, and its
 * cell says how. One that exists, but cannot be watched (another thread took the descriptor that
 * was kept), must not be left behind. */
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
  commons_after_fork(c->place.slot);
  signals_reset_in_child();
}

status child_fork(struct child *out, const struct object_list *passed, enum child_side *side,
                  struct cell **cell) {
  struct child c;
  status st = child_prepare(&c);
  if (st) return st;
  commons_share_with_child(c.place.slot, passed);
  fflush(NULL); /* what is buffered is written once, by us */
  pid_t pid = 0;
  st = process_fork(&pid);
  if (st) {
    child_abandon(&c);
    return st;
  }
  if (pid == 0) {
    become_child(&c);
    *cell = c.cell;
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

static void order_print(const struct child_order *order, int fd, int channel, char text[CHILD_ORDER_MAX]) {
  snprintf(text, CHILD_ORDER_MAX, "%d,%d,%u,%u,%llu,%llu,%d", fd, channel, order->place.slot,
           order->place.generation, (unsigned long long)order->cell, (unsigned long long)order->birth,
           order->parent);
}

static status order_parse(const char *text, struct child_order *order, int *fd, int *channel) {
  unsigned long long cell = 0;
  unsigned long long birth = 0;
  const int fields = sscanf(text, "%d,%d,%u,%u,%llu,%llu,%d", fd, channel, &order->place.slot,
                            &order->place.generation, &cell, &birth, &order->parent);
  order->cell = cell;
  order->birth = birth;
  return fields == 7 ? STATUS_OK : STATUS_MALFORMED;
}

/* The argument with CHILD_ORDER in it, the order in its place. The caller frees it. */
static char *fill_in(const char *argument, const char *order) {
  const char *place = strstr(argument, CHILD_ORDER);
  const size_t before = (size_t)(place - argument);
  const char *after = place + strlen(CHILD_ORDER);
  char *text = memory_alloc(strlen(argument) + strlen(order) + 1);
  if (!text) return NULL;
  memcpy(text, argument, before);
  strcpy(text + before, order);
  strcat(text, after);
  return text;
}

status child_launch(const char *const argv[], const struct child_order *order, int channel, int32_t *pid) {
  char text[CHILD_ORDER_MAX];
  order_print(order, commons_fd(), channel, text);
  char *arguments[ARGUMENTS_MAX + 1] = {0};
  char *filled = NULL;
  for (size_t i = 0; argv[i]; i++) {
    CHECK(i < ARGUMENTS_MAX);
    arguments[i] = (char *)(uintptr_t)argv[i];
    if (!strstr(argv[i], CHILD_ORDER)) continue;
    arguments[i] = filled = fill_in(argv[i], text);
    if (!filled) return -ENOMEM;
  }
  fflush(NULL);
  pid_t new_pid = 0;
  const status st = process_spawn(&new_pid, arguments, commons_fd(), channel);
  if (st == STATUS_OK) *pid = (int32_t)new_pid;
  memory_free(filled);
  return st;
}

status child_spawn(struct child *out, const char *const argv[], block_ref birth) {
  struct child c;
  status st = child_prepare(&c);
  if (st) return st;
  const struct child_order order = child_order_for(&c, birth);
  st = child_launch(argv, &order, -1, &c.pid);
  if (st == STATUS_OK) st = child_watch(&c);
  if (st)
    child_abandon(&c);
  else
    *out = c;
  return st;
}

/* A fork server does not die with the thread that started it, but when its channel closes. */
status child_attach_with_channel(const char *text, struct child_order *out, int *channel) {
  int fd = -1;
  status st = order_parse(text, out, &fd, channel);
  if (st) return st;
  process_close_inherited(fd, *channel);
  if (*channel < 0) st = process_die_with_parent(out->parent);
  if (st) return st;
  signals_reset_in_child();
  return commons_join(fd, out->place.slot);
}

status child_attach(const char *text, struct child_order *out) {
  int channel = -1;
  return child_attach_with_channel(text, out, &channel);
}

/* ---- watching and ending --------------------------------------------------------------------- */

/* The child's own word counts where nobody can ask the kernel any more: hosts such as nginx
 * reap all children. The fork server is waited for even if there is such a word: the cell, which it
 * writes to, may be freed after the return. */
static int exit_code_from_cell(struct child *c) {
  const deadline until = deadline_after(REPORT_WAIT_SECONDS);
  status st = STATUS_INTERRUPTED;
  while (st == STATUS_INTERRUPTED)
    st = c->is_reaped_elsewhere ? cell_wait_report(c->cell, until) : cell_wait_end(c->cell, until);
  return cell_has_ended(c->cell) ? atomic_load(&c->cell->exit_code) : -SIGKILL;
}

static void note_end(struct child *c) {
  int exit_code = 0;
  if (c->is_reaped_elsewhere || process_reap(c->pid, &exit_code)) exit_code = exit_code_from_cell(c);
  c->exit_code = exit_code;
  c->has_ended = true;
  cell_end(c->cell, exit_code);
  commons_forget_child(c->place);
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
  cell_destroy(c->cell);
  c->cell = NULL;
}
