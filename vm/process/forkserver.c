/* SPDX-License-Identifier: MIT */
/* See forkserver.h. The server's side first, then the client's. */
#include "process/forkserver.h"

#include <errno.h>
#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"
#include "os/clock.h"
#include "os/mutex.h"
#include "os/process.h"
#include "os/ready.h"
#include "os/signals.h"
#include "os/socket.h"
#include "process/child_start.h"
#include "sync/lock_rank.h"

enum { END_WAIT_SECONDS = 1 };

/* ---- the server ------------------------------------------------------------------------------ */

struct served {
  int32_t pid;
  int pidfd;
  block_ref worker_status;
};

struct server {
  int channel;
  struct served *children; /* `count` of `capacity` */
  struct ready *watches;   /* the channel, then one for each child */
  size_t count;
  size_t capacity;
};

static status server_reserve(struct server *s) {
  if (s->count < s->capacity) return STATUS_OK;
  const size_t capacity = s->capacity ? s->capacity * 2 : 16;
  struct served *children = memory_resize(s->children, capacity * sizeof *children);
  if (!children) return -ENOMEM;
  s->children = children;
  struct ready *watches = memory_resize(s->watches, (capacity + 1) * sizeof *watches);
  if (!watches) return -ENOMEM;
  s->watches = watches;
  s->capacity = capacity;
  return STATUS_OK;
}

/* The parent is gone. The kernel kills the children when this process ends. */
NO_RETURN static void server_end(void) { process_exit_now(0); }

static void report_end(const struct served *child) {
  int exit_code = -SIGKILL;
  process_end_group(child->pid);
  if (process_reap(child->pid, &exit_code)) exit_code = -SIGKILL;
  worker_status_report(segment_at(child->worker_status), exit_code);
  process_unwatch(child->pidfd);
}

static void server_reap(struct server *s) {
  for (size_t i = s->count; i-- > 0;) {
    if (process_wait_end(s->children[i].pidfd, deadline_now())) continue;
    report_end(&s->children[i]);
    s->children[i] = s->children[--s->count];
  }
}

static status server_wait(struct server *s) {
  s->watches[0] = ready_watch(s->channel);
  for (size_t i = 0; i < s->count; i++) s->watches[i + 1] = ready_watch(s->children[i].pidfd);
  return ready_wait(s->watches, s->count + 1, deadline_never());
}

/* In the child: releases everything of the server; then the child is a process like a spawned
 * one. */
static void become_served(struct server *s, const struct child_options *options) {
  for (size_t i = 0; i < s->count; i++) process_unwatch(s->children[i].pidfd);
  memory_free(s->children);
  memory_free(s->watches);
  socket_close(s->channel);
  segment_after_fork(options->place.slot);
  signals_reset_in_child();
}

static status server_fork(struct server *s, const struct child_options *options, pid_t *pid) {
  struct served *child = &s->children[s->count];
  int kept = -1; /* a descriptor for the watch: see child_prepare */
  status st = process_watch(&kept, process_pid());
  if (st) return st;
  st = process_fork(pid);
  process_unwatch(kept);
  if (st || *pid == 0) return st;
  *child = (struct served){.pid = (int32_t)*pid, .worker_status = options->worker_status};
  st = process_watch(&child->pidfd, *pid);
  if (st) {
    process_kill((int32_t)*pid);
    int exit_code = 0;
    (void)!process_reap(*pid, &exit_code);
    return st;
  }
  s->count++;
  return STATUS_OK;
}

/* The child's pidfd is sent along: when the client reads the pid, the child may have ended. */
static status server_reply(struct server *s, status st, int32_t pid) {
  const int32_t reply = st ? st : pid;
  if (st) return socket_send(s->channel, &reply, sizeof reply);
  return socket_send_with_fd(s->channel, &reply, sizeof reply, s->children[s->count - 1].pidfd);
}

/* Serves one request. Returns true in the child that it made. */
static bool server_answer(struct server *s, struct child_options *options) {
  const status got = socket_receive(s->channel, options, sizeof *options);
  if (got) server_end();
  pid_t pid = 0;
  status st = server_reserve(s);
  if (st == STATUS_OK) st = server_fork(s, options, &pid);
  if (st == STATUS_OK && pid == 0) {
    become_served(s, options);
    return true;
  }
  if (server_reply(s, st, (int32_t)pid)) server_end();
  return false;
}

status forkserver_serve(const char *text, struct child_options *out) {
  struct server server = {.channel = -1};
  status st = child_attach_with_channel(text, out, &server.channel);
  if (st == STATUS_OK) st = server_reserve(&server);
  if (st) return st;
  for (;;) {
    st = server_wait(&server);
    if (st && st != STATUS_INTERRUPTED) return st;
    server_reap(&server);
    if (st == STATUS_OK && ready_is(&server.watches[0]) && server_answer(&server, out)) return STATUS_OK;
  }
}

/* ---- the client ------------------------------------------------------------------------------ */

struct client {
  struct mutex lock; /* rank_forkserver: everything here */
  int channel;       /* -1: not started */
  struct child server;
};

static struct client client = {.lock = MUTEX_INITIALIZER, .channel = -1}; /* see vm/README.md */

static status start_locked(const char *const argv[]) {
  struct child c;
  status st = child_prepare(&c);
  if (st) return st;
  int ends[2];
  st = socket_pair(ends);
  if (st) {
    child_abandon(&c);
    return st;
  }
  const struct child_options options = child_options_for(&c, 0);
  st = child_launch(argv, &options, ends[1], &c.pid);
  socket_close(ends[1]);
  if (st == STATUS_OK) st = child_watch(&c);
  if (st) {
    socket_close(ends[0]);
    child_abandon(&c);
    return st;
  }
  client.channel = ends[0];
  client.server = c;
  return STATUS_OK;
}

static void stop_locked(void) {
  if (client.channel < 0) return;
  socket_close(client.channel);
  client.channel = -1;
  child_signal(&client.server, SIGKILL);
  if (child_wait(&client.server, deadline_never()) == STATUS_OK) child_fini(&client.server);
}

/* The child was started, but this process has no descriptor left for its pidfd. It must not run
 * unwatched, and its worker status must stay until the server has reported its end. If the server
 * dies meanwhile, so does the child, without a report. */
static void end_unwatched(const struct child *c) {
  process_kill(c->pid);
  const deadline until = deadline_after(END_WAIT_SECONDS);
  while (worker_status_wait_report(c->worker_status, until) == STATUS_INTERRUPTED) continue;
}

static status ask_locked(const struct child_options *options, struct child *c) {
  status st = socket_send(client.channel, options, sizeof *options);
  if (st) return st;
  int32_t reply = 0;
  int pidfd = -1;
  if (c->pidfd >= 0) socket_close(c->pidfd); /* reserved for the pidfd that comes */
  c->pidfd = -1;
  st = socket_receive_with_fd(client.channel, &reply, sizeof reply, &pidfd);
  if (st) return st;
  if (reply < 0) return reply;
  c->pid = reply;
  c->pidfd = pidfd;
  if (pidfd >= 0) return STATUS_OK;
  end_unwatched(c);
  return -EMFILE;
}

/* Replaces a server that was killed, once for each request. `c` is prepared, and is watched on
 * success; on failure there is no process. */
static status ask(const char *const argv[], const struct child_options *options, struct child *c) {
  mutex_lock(&client.lock);
  status st = client.channel < 0 ? start_locked(argv) : STATUS_OK;
  if (st == STATUS_OK) st = ask_locked(options, c);
  if (st == STATUS_CLOSED || st == -EPIPE || st == -ECONNRESET) {
    stop_locked();
    st = start_locked(argv);
    if (st == STATUS_OK) st = ask_locked(options, c);
  }
  mutex_unlock(&client.lock);
  return st;
}

status child_request(struct child *out, const char *const argv[], block_ref start_info) {
  struct child c;
  status st = child_prepare(&c);
  if (st) return st;
  fflush(NULL);
  const struct child_options options = child_options_for(&c, start_info);
  st = ask(argv, &options, &c);
  c.is_reaped_elsewhere = true;
  if (st)
    child_abandon(&c);
  else
    *out = c;
  return st;
}

void forkserver_stop(void) {
  mutex_lock(&client.lock);
  stop_locked();
  mutex_unlock(&client.lock);
}

void forkserver_forget(void) {
  mutex_init(&client.lock);
  if (client.channel >= 0) {
    socket_close(client.channel);
    socket_close(client.server.pidfd);
  }
  client.channel = -1;
}
