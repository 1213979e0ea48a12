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
#include "os/thread.h"
#include "process/child_start.h"
#include "sync/lock_rank.h"

enum { LOOKS_AT_STOPPED = 4 };
/* A server that is stopped is given up after so many looks in a row; one that runs has long to
 * answer, for the machine may be busy. */
static const double look_seconds = 0.25, answer_seconds = 20, end_wait_seconds = 1;

enum request_kind { REQUEST_START = 1, REQUEST_KILL = 2 };
struct request {
  uint32_t kind; /* enum request_kind */
  int32_t pid;   /* of the child to kill */
  struct child_options options;
};

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

static void server_kill(const struct server *s, int32_t pid) {
  for (size_t i = 0; i < s->count; i++)
    if (s->children[i].pid == pid) (void)!process_signal(s->children[i].pidfd, SIGKILL);
}

static bool is_cancelled(const struct child_options *options) {
  return worker_status_has_ended(segment_at(options->worker_status));
}

/* Serves one request. Returns true in the child that it made. */
static bool server_answer(struct server *s, struct child_options *options) {
  struct request request;
  if (socket_receive(s->channel, &request, sizeof request)) server_end();
  if (request.kind == REQUEST_KILL) {
    server_kill(s, request.pid);
    return false;
  }
  *options = request.options;
  pid_t pid = 0;
  status st = is_cancelled(options) ? -ECANCELED : server_reserve(s);
  if (st == STATUS_OK) st = server_fork(s, options, &pid);
  if (st == STATUS_OK && pid == 0) {
    become_served(s, options);
    if (is_cancelled(options)) process_exit_now(1);
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

/* ---- a client's connection to one server ----------------------------------------------------- */

/* `launcher` is the thread that started the server, where that was not the first one of the process:
 * the kernel kills the server when the thread that started it ends. */
struct connection {
  struct connection *next;
  int channel;
  struct child server;
  struct reporter *reporter;
  struct thread launcher;
  bool has_launcher;
  const char *const *argv; /* for the launcher, until is_launched */
  int server_end;
  status launched;
  futex_word is_launched;
  bool has_unanswered; /* of a server that was stopped: a start that it may still make */
  struct child unanswered;
};

static void end_server(struct connection *c) {
  child_signal(&c->server, SIGKILL);
  while (child_wait(&c->server, deadline_never())) continue;
  child_fini(&c->server);
}

static status launch_server(struct connection *c) {
  const struct child_options options = child_options_for(&c->server, 0);
  status st = child_launch(c->argv, &options, c->server_end, &c->server.pid);
  if (st == STATUS_OK) st = child_watch(&c->server);
  if (st) {
    child_abandon(&c->server);
    return st;
  }
  st = reporter_make(c->server.pid, &c->reporter);
  if (st) end_server(c);
  return st;
}

/* Stays for as long as the server. */
static void launcher_main(void *argument) {
  struct connection *c = argument;
  const status st = c->launched = launch_server(c);
  atomic_store(&c->is_launched, 1);
  futex_wake(&c->is_launched, 1);
  if (st) return;
  while (reporter_await_end(c->reporter, deadline_never())) continue;
}

static status launch_from_thread(struct connection *c) {
  const status st = thread_start(&c->launcher, launcher_main, c, "mm-forkserver");
  if (st) {
    child_abandon(&c->server);
    return st;
  }
  while (!atomic_load(&c->is_launched)) (void)!futex_wait(&c->is_launched, 0, deadline_never());
  c->has_launcher = c->launched == STATUS_OK;
  if (!c->has_launcher) thread_join(&c->launcher);
  return c->launched;
}

static bool is_first_thread(void) { return thread_kernel_id() == process_pid(); }

static status connection_start(struct connection *c, const char *const argv[]) {
  int ends[2];
  status st = child_prepare(&c->server);
  if (st) return st;
  st = socket_pair(ends);
  if (st) {
    child_abandon(&c->server);
    return st;
  }
  c->argv = argv;
  c->channel = ends[0];
  c->server_end = ends[1];
  st = is_first_thread() ? launch_server(c) : launch_from_thread(c);
  socket_close(ends[1]);
  if (st) socket_close(ends[0]);
  return st;
}

static status connection_open(const char *const argv[], struct connection **out) {
  struct connection *c = memory_alloc(sizeof *c);
  if (!c) return -ENOMEM;
  *c = (struct connection){.channel = -1};
  const status st = connection_start(c, argv);
  if (st)
    memory_free(c);
  else
    *out = c;
  return st;
}

/* The server ends, and its children with it. */
static void connection_close(struct connection *c) {
  socket_close(c->channel);
  end_server(c);
  if (c->has_launcher) thread_join(&c->launcher);
  if (c->has_unanswered) child_abandon(&c->unanswered);
  reporter_release(c->reporter);
  memory_free(c);
}

/* In a forked child: the server, the launcher and the children are the parent's. */
static void connection_forget(struct connection *c) {
  socket_close(c->channel);
  socket_close(c->server.pidfd);
  reporter_forget(c->reporter);
  memory_free(c);
}

/* STATUS_OK: the server has answered, or is gone. -ETIMEDOUT: it is stopped, or hangs. */
static status await_reply(const struct connection *c) {
  const deadline until = deadline_after(answer_seconds);
  for (int stopped = 0; stopped < LOOKS_AT_STOPPED && !deadline_passed(until);) {
    struct ready watch = ready_watch(c->channel);
    const status st = ready_wait(&watch, 1, deadline_earlier(until, deadline_after(look_seconds)));
    if (st == STATUS_OK) return STATUS_OK;
    if (st != STATUS_TIMEOUT && st != STATUS_INTERRUPTED) return st;
    if (st == STATUS_TIMEOUT) stopped = process_is_stopped(c->server.pid) ? stopped + 1 : 0;
  }
  return -ETIMEDOUT;
}

/* Receives the reply to the start of `child`. -errno of the server: there is no such process. */
static status receive_reply(const struct connection *c, struct child *child) {
  int32_t reply = 0;
  int pidfd = -1;
  if (child->pidfd >= 0) socket_close(child->pidfd); /* reserved for the pidfd that comes */
  child->pidfd = -1;
  const status st = socket_receive_with_fd(c->channel, &reply, sizeof reply, &pidfd);
  if (st) return st;
  if (reply < 0) return reply;
  child->pid = reply;
  child->pidfd = pidfd;
  child->reporter = c->reporter;
  reporter_retain(c->reporter);
  return STATUS_OK;
}

/* The child was started, but this process has no descriptor left for its pidfd. It must not run
 * unwatched, and its worker status must stay until the server has reported its end. */
static void end_unwatched(const struct connection *c, struct child *child) {
  const struct request request = {.kind = REQUEST_KILL, .pid = child->pid};
  (void)!socket_send(c->channel, &request, sizeof request);
  const deadline until = deadline_after(end_wait_seconds);
  while (worker_status_wait_report(child->worker_status, until) == STATUS_INTERRUPTED) continue;
  reporter_release(child->reporter);
  child->reporter = NULL;
}

/* The server did not answer. Either the child runs already, and only the reply is missing; or it
 * will not run, and the connection keeps what is reserved for it. */
static status give_up_waiting(struct connection *c, struct child *child) {
  if (worker_status_cancel(child->worker_status)) {
    c->has_unanswered = true;
    c->unanswered = *child;
    return -ETIMEDOUT;
  }
  child->pid = atomic_load(&child->worker_status->pid);
  socket_close(child->pidfd);
  if (process_watch(&child->pidfd, child->pid)) child->pidfd = -1; /* it has ended */
  child->reporter = c->reporter;
  reporter_retain(c->reporter);
  return STATUS_OK;
}

/* Starts the prepared child. -ETIMEDOUT: the connection has taken it over. */
static status connection_ask(struct connection *c, block_ref start_info, struct child *child) {
  const struct request request = {.kind = REQUEST_START, .options = child_options_for(child, start_info)};
  status st = socket_send(c->channel, &request, sizeof request);
  if (st == STATUS_OK) st = await_reply(c);
  if (st == -ETIMEDOUT) return give_up_waiting(c, child);
  if (st == STATUS_OK) st = receive_reply(c, child);
  if (st || child->pidfd >= 0) return st;
  end_unwatched(c, child);
  return -EMFILE;
}

/* The late reply of a server that was stopped. A child that was cancelled ends before it runs. */
static void connection_settle(struct connection *c) {
  struct ready watch = ready_watch(c->channel);
  if (ready_wait(&watch, 1, deadline_now())) return;
  struct child late = c->has_unanswered ? c->unanswered : (struct child){.pidfd = -1};
  const bool is_made = receive_reply(c, &late) == STATUS_OK;
  if (!c->has_unanswered) { /* it runs, and has a pidfd and a reporter already */
    if (late.pidfd >= 0) socket_close(late.pidfd);
    if (is_made) reporter_release(late.reporter);
    return;
  }
  c->has_unanswered = false;
  if (is_made && late.pidfd < 0) end_unwatched(c, &late);
  if (is_made && late.pidfd >= 0 && child_wait(&late, deadline_after(end_wait_seconds)) == STATUS_OK)
    child_fini(&late);
  else
    child_abandon(&late);
}

/* ---- the client ------------------------------------------------------------------------------ */

struct client {
  struct mutex lock;           /* rank_forkserver: everything here */
  int32_t pid;                 /* whose servers they are; a child that the host forks has a copy */
  struct connection *current;  /* NULL: not started */
  struct connection *outdated; /* to servers that did not answer; their children go on */
};

static struct client client = {.lock = MUTEX_INITIALIZER}; /* see vm/README.md */

static void close_all_locked(struct connection **list) {
  while (*list) {
    struct connection *c = *list;
    *list = c->next;
    connection_close(c);
  }
}

static void settle_outdated_locked(void) {
  struct connection **place = &client.outdated;
  while (*place) {
    struct connection *c = *place;
    connection_settle(c);
    if (reporter_lives(c->reporter)) {
      place = &c->next;
    } else {
      *place = c->next;
      connection_close(c);
    }
  }
}

/* What follows from a server that is gone, or does not answer: the next start has another one. */
static void replace_locked(status why) {
  struct connection *c = client.current;
  client.current = NULL;
  if (why == -ETIMEDOUT) {
    c->next = client.outdated;
    client.outdated = c;
  } else {
    connection_close(c);
  }
}

static bool is_lost(status st) {
  return st == STATUS_CLOSED || st == -EPIPE || st == -ECONNRESET || st == -ETIMEDOUT;
}

/* One attempt. On failure there is no process, or none that will run. */
static status request_locked(struct child *out, const char *const argv[], block_ref start_info) {
  struct child c;
  status st = child_prepare(&c);
  if (st) return st;
  if (!client.current) st = connection_open(argv, &client.current);
  if (st) {
    child_abandon(&c);
    return st;
  }
  st = connection_ask(client.current, start_info, &c);
  if (is_lost(st)) replace_locked(st);
  if (st == STATUS_OK)
    *out = c;
  else if (st != -ETIMEDOUT)
    child_abandon(&c);
  return st;
}

static void forget_all(struct connection **list) {
  while (*list) {
    struct connection *c = *list;
    *list = c->next;
    connection_forget(c);
  }
}

void forkserver_forget(void) {
  mutex_init(&client.lock);
  client.pid = process_pid();
  forget_all(&client.current);
  forget_all(&client.outdated);
}

static void lock_client(void) ACQUIRES(client.lock) {
  if (client.pid != process_pid()) forkserver_forget();
  mutex_lock(&client.lock);
}

status child_request(struct child *out, const char *const argv[], block_ref start_info) {
  fflush(NULL);
  lock_client();
  settle_outdated_locked();
  status st = request_locked(out, argv, start_info);
  if (is_lost(st)) st = request_locked(out, argv, start_info);
  mutex_unlock(&client.lock);
  return st;
}

void forkserver_stop(void) {
  lock_client();
  close_all_locked(&client.current);
  close_all_locked(&client.outdated);
  mutex_unlock(&client.lock);
}
