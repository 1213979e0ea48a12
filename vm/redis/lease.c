/* SPDX-License-Identifier: MIT */
/* The thread copies the entries, releases the lock, and talks to the server: a caller that adds or
 * removes an entry never waits for the network.
 */
#include "redis/lease.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "os/clock.h"
#include "os/mutex.h"
#include "os/notify_socket.h"
#include "os/process.h"
#include "os/ready.h"
#include "os/thread.h"

enum { FIXED = 4, WORDS_OF_ENTRY = 4, NEWS_MAX = 4096 };
static const double first_pause = 0.1;

struct lease {
  struct redis_settings server;
  char *script;
  char *fixed[FIXED];
  double interval;
  int32_t pid;
  struct thread thread;
  int notify_socket; /* notified to end the thread */
  notify_name name;

  struct mutex lock; /* no rank: a leaf. The fields up to answered_ns */
  bool is_ending;
  bool is_left; /* with is_ending: the thread frees the lease */
  struct lease_entry *entries;
  size_t count, room;
  char *text; /* ARGV[3] */
  size_t text_size;
  char news[NEWS_MAX][LEASE_ID_MAX]; /* a letter of lease_news and an id; oldest first */
  size_t news_first, news_count;
  int64_t answered_ns;

  struct lease_entry *copies; /* from here on the thread's own */
  size_t copied;
  char *copied_text;
  size_t copied_text_size;
  struct redis_connection *connection;
  double pause;
};

/* ---- the thread ------------------------------------------------------------------------------ */

/* Copies the entries and the status text for the next heartbeat. */
static status copy_entries(struct lease *l) {
  memory_free(l->copies);
  memory_free(l->copied_text);
  l->copies = NULL;
  l->copied = l->copied_text_size = 0;
  mutex_lock(&l->lock);
  l->copied_text = memory_copy_text(l->text, l->text_size);
  if (l->count) l->copies = memory_alloc(l->count * sizeof *l->copies);
  const bool has_room = l->copied_text && (l->copies || !l->count);
  if (has_room) {
    if (l->count) memcpy(l->copies, l->entries, l->count * sizeof *l->copies);
    l->copied = l->count;
    l->copied_text_size = l->text_size;
  }
  mutex_unlock(&l->lock);
  return has_room ? STATUS_OK : -ENOMEM;
}

/* EVAL script 2+2n registry me [stream owner]… me ttl text [id seq]… */
static status append_heartbeat(struct lease *l) {
  const size_t count = 3 + FIXED + 1 + WORDS_OF_ENTRY * l->copied;
  const char **words = memory_alloc(count * sizeof *words);
  size_t *sizes = memory_alloc(count * sizeof *sizes);
  status st = words && sizes ? STATUS_OK : -ENOMEM;
  if (st == STATUS_OK) {
    char keys[32];
    snprintf(keys, sizeof keys, "%zu", 2 + 2 * l->copied);
    size_t n = 0;
    words[n++] = "EVAL";
    words[n++] = l->script;
    words[n++] = keys;
    words[n++] = l->fixed[0];
    words[n++] = l->fixed[1];
    for (size_t i = 0; i < l->copied; i++) {
      words[n++] = l->copies[i].stream;
      words[n++] = l->copies[i].owner[0] ? l->copies[i].owner : l->copies[i].stream;
    }
    words[n++] = l->fixed[2];
    words[n++] = l->fixed[3];
    words[n++] = l->copied_text;
    for (size_t i = 0; i < l->copied; i++) {
      words[n++] = l->copies[i].id;
      words[n++] = l->copies[i].owner[0] ? l->copies[i].seq : "";
    }
    for (size_t i = 0; i < n; i++)
      sizes[i] = words[i] == l->copied_text ? l->copied_text_size : strlen(words[i]);
    st = redis_append(l->connection, (int)n, words, sizes);
  }
  memory_free(words);
  memory_free(sizes);
  return st;
}

/* The reply is a list of texts: a letter and an id. */
static void take_news(struct lease *l, const struct resp_reply *reply) {
  const struct resp_view list = resp_look(reply);
  mutex_lock(&l->lock);
  l->answered_ns = clock_now_ns();
  for (size_t i = 0; list.kind == RESP_ARRAY && i < list.count; i++) {
    const struct resp_view item = resp_look(resp_item(reply, i));
    if (item.kind != RESP_TEXT || item.size < 2 || item.size >= LEASE_ID_MAX || l->news_count == NEWS_MAX)
      continue;
    char *place = l->news[(l->news_first + l->news_count++) % NEWS_MAX];
    memcpy(place, item.text, item.size);
    place[item.size] = '\0';
  }
  mutex_unlock(&l->lock);
}

static status renew(struct lease *l) {
  const deadline until = deadline_after(l->interval);
  char why[REDIS_WHY_MAX];
  status st = copy_entries(l);
  if (st == STATUS_OK && !l->connection) st = redis_open(&l->server, until, &l->connection, why);
  if (st == STATUS_OK) st = append_heartbeat(l);
  struct resp_reply *reply = NULL;
  if (st == STATUS_OK) st = redis_call(l->connection, until, &reply);
  if (st) return st;
  if (resp_look(reply).kind == RESP_ERROR)
    st = -EIO;
  else
    take_news(l, reply);
  resp_free(reply);
  return st;
}

static bool is_ending(struct lease *l) {
  mutex_lock(&l->lock);
  const bool ends = l->is_ending;
  mutex_unlock(&l->lock);
  return ends;
}

static double next_pause(const struct lease *l, bool was_renewed) {
  if (was_renewed) return l->interval;
  const double pause = l->pause < first_pause ? first_pause : 2 * l->pause;
  return pause < l->interval ? pause : l->interval;
}

static void free_lease(struct lease *l) {
  if (l->notify_socket >= 0) notify_socket_close(l->notify_socket);
  for (int i = 0; i < FIXED; i++) memory_free(l->fixed[i]);
  memory_free(l->script);
  memory_free(l->entries);
  memory_free(l->text);
  memory_free(l->copies);
  memory_free(l->copied_text);
  mutex_fini(&l->lock);
  memory_free(l);
}

static void lease_main(void *argument) {
  struct lease *l = argument;
  while (!is_ending(l)) {
    const status st = renew(l);
    if (st) {
      redis_close(l->connection);
      l->connection = NULL;
    }
    l->pause = next_pause(l, st == STATUS_OK);
    struct ready watch = ready_watch(l->notify_socket);
    (void)!ready_wait(&watch, 1, deadline_after(l->pause));
  }
  redis_close(l->connection);
  mutex_lock(&l->lock);
  const bool is_left = l->is_left;
  mutex_unlock(&l->lock);
  if (is_left) free_lease(l);
}

/* ---- the owner's side ------------------------------------------------------------------------ */

static status copy_settings(struct lease *l, const struct lease_settings *s) {
  l->server = s->server;
  l->interval = s->interval;
  l->script = memory_copy_text(s->script, strlen(s->script));
  l->text_size = strlen(s->text);
  l->text = memory_copy_text(s->text, l->text_size);
  bool has_room = l->script && l->text;
  for (int i = 0; i < FIXED; i++) {
    l->fixed[i] = memory_copy_text(s->fixed[i], strlen(s->fixed[i]));
    has_room = has_room && l->fixed[i];
  }
  return has_room ? STATUS_OK : -ENOMEM;
}

status lease_open(const struct lease_settings *settings, struct lease **out) {
  struct lease *l = memory_alloc(sizeof *l);
  if (!l) return -ENOMEM;
  l->notify_socket = -1;
  l->pid = process_pid();
  l->answered_ns = clock_now_ns();
  mutex_init(&l->lock);
  status st = copy_settings(l, settings);
  if (st == STATUS_OK) st = notify_socket_open(&l->notify_socket, &l->name);
  if (st == STATUS_OK) st = thread_start(&l->thread, lease_main, l, "mm-lease");
  if (st) {
    free_lease(l);
    return st;
  }
  *out = l;
  return STATUS_OK;
}

/* The thread sees both flags at once. */
static void end_thread(struct lease *l, bool is_left) {
  mutex_lock(&l->lock);
  l->is_ending = true;
  l->is_left = is_left;
  notify_socket_notify(l->name);
  if (is_left) thread_detach(&l->thread);
  mutex_unlock(&l->lock);
}

void lease_close(struct lease *l) {
  if (!l) return;
  if (l->pid == process_pid()) {
    end_thread(l, false);
    thread_join(&l->thread);
  }
  free_lease(l);
}

void lease_leave(struct lease *l) {
  if (!l) return;
  if (l->pid == process_pid())
    end_thread(l, true);
  else
    free_lease(l);
}

status lease_add(struct lease *l, const struct lease_entry *entry) {
  status st = STATUS_OK;
  mutex_lock(&l->lock);
  if (l->count == l->room) {
    const size_t room = l->room ? 2 * l->room : 16;
    struct lease_entry *grown = memory_resize(l->entries, room * sizeof *grown);
    if (grown) {
      l->entries = grown;
      l->room = room;
    }
    st = grown ? STATUS_OK : -ENOMEM;
  }
  if (st == STATUS_OK) l->entries[l->count++] = *entry;
  mutex_unlock(&l->lock);
  return st;
}

void lease_remove(struct lease *l, const char *id) {
  mutex_lock(&l->lock);
  for (size_t i = 0; i < l->count; i++) {
    if (strcmp(l->entries[i].id, id) != 0) continue;
    l->entries[i] = l->entries[--l->count];
    break;
  }
  mutex_unlock(&l->lock);
}

status lease_tell(struct lease *l, const char *text, size_t size) {
  char *copy = memory_copy_text(text, size);
  if (!copy) return -ENOMEM;
  mutex_lock(&l->lock);
  memory_free(l->text);
  l->text = copy;
  l->text_size = size;
  mutex_unlock(&l->lock);
  return STATUS_OK;
}

bool lease_news(struct lease *l, enum lease_news *what, char id[LEASE_ID_MAX]) {
  mutex_lock(&l->lock);
  const bool has_some = l->news_count > 0;
  if (has_some) {
    const char *news = l->news[l->news_first];
    *what = (enum lease_news)news[0];
    snprintf(id, LEASE_ID_MAX, "%s", news + 1);
    l->news_first = (l->news_first + 1) % NEWS_MAX;
    l->news_count--;
  }
  mutex_unlock(&l->lock);
  return has_some;
}

double lease_age(struct lease *l) {
  mutex_lock(&l->lock);
  const int64_t answered = l->answered_ns;
  mutex_unlock(&l->lock);
  return (double)(clock_now_ns() - answered) / 1e9;
}
