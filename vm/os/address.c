/* SPDX-License-Identifier: MIT */
/* The caller and the lookup's thread each have a use of the address; the last one to leave frees
 * it. `found` and `outcome` belong to the thread until `is_done`, which it stores last (release),
 * and the caller loads first (acquire). */
#include "os/address.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/memory.h"
#include "os/futex.h"
#include "os/thread.h"

struct address {
  char text[ADDRESS_TEXT_MAX];
  char host[ADDRESS_TEXT_MAX];
  const char *port; /* in text */
  struct addrinfo wanted;
  struct addrinfo local; /* of a Unix socket: at local_name */
  struct sockaddr_un local_name;
  bool has_thread;
  struct thread thread;
  _Atomic int uses;
  futex_word is_done;
  struct addrinfo *found; /* of getaddrinfo */
  status outcome;
};

bool address_is_unix(const char *text) { return text[0] == '/' || text[0] == '@' || text[0] == '.'; }
bool address_is_path(const char *text) { return address_is_unix(text) && text[0] != '@'; }

static void leave(struct address *a) {
  if (atomic_fetch_sub(&a->uses, 1) > 1) return;
  if (a->found) freeaddrinfo(a->found);
  memory_free(a);
}

/* ---- Unix sockets ---------------------------------------------------------------------------- */

static status read_unix(struct address *a) {
  const size_t length = strlen(a->text);
  struct sockaddr_un *name = &a->local_name;
  if (length < 2) return STATUS_MALFORMED;
  if (length >= sizeof name->sun_path) return STATUS_TOO_LARGE;
  name->sun_family = AF_UNIX;
  memcpy(name->sun_path, a->text, length);
  if (!address_is_path(a->text)) name->sun_path[0] = 0;
  const size_t size = offsetof(struct sockaddr_un, sun_path) + length + address_is_path(a->text);
  a->local = (struct addrinfo){.ai_family = AF_UNIX,
                               .ai_socktype = SOCK_STREAM,
                               .ai_addr = (struct sockaddr *)name,
                               .ai_addrlen = (socklen_t)size};
  return STATUS_OK;
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static status look_up(struct address *a, int more_flags) {
  struct addrinfo wanted = a->wanted;
  wanted.ai_flags |= more_flags;
  const int failed = getaddrinfo(a->host, a->port, &wanted, &a->found);
  if (failed == EAI_SYSTEM) return -errno;
  if (failed == EAI_MEMORY) return -ENOMEM;
  return failed ? STATUS_MALFORMED : STATUS_OK;
}

static void lookup_main(void *argument) {
  struct address *a = argument;
  a->outcome = look_up(a, 0);
  atomic_store_explicit(&a->is_done, 1, memory_order_release);
  (void)futex_wake(&a->is_done, 1);
  leave(a);
}

static status begin_lookup(struct address *a) {
  atomic_store(&a->uses, 2);
  const status st = thread_start(&a->thread, lookup_main, a, "mm-lookup");
  if (st) atomic_store(&a->uses, 1);
  a->has_thread = st == STATUS_OK;
  if (st != -EPERM) return st;
  a->outcome = look_up(a, 0); /* in a sandbox, which has no threads: without a deadline */
  return a->outcome;
}

/* "host:port" or "[host]:port". A number for a host needs no lookup. */
static status read_tcp(struct address *a, enum address_use use) {
  const char *colon = strrchr(a->text, ':');
  if (!colon || !colon[1]) return STATUS_MALFORMED;
  snprintf(a->host, sizeof a->host, "%.*s", (int)(colon - a->text), a->text);
  const size_t length = strlen(a->host);
  if (length > 2 && a->host[0] == '[' && a->host[length - 1] == ']') {
    memmove(a->host, a->host + 1, length - 2);
    a->host[length - 2] = 0;
  }
  a->port = colon + 1;
  a->wanted.ai_socktype = SOCK_STREAM;
  a->wanted.ai_flags = use == ADDRESS_TO_LISTEN ? AI_PASSIVE : 0;
  a->outcome = look_up(a, AI_NUMERICHOST);
  if (a->outcome != STATUS_MALFORMED) return a->outcome;
  return begin_lookup(a);
}

/* ---- both ------------------------------------------------------------------------------------ */

status address_open(const char *text, enum address_use use, struct address **out) {
  const size_t length = strlen(text);
  if (length >= ADDRESS_TEXT_MAX) return address_is_unix(text) ? STATUS_TOO_LARGE : STATUS_MALFORMED;
  struct address *a = memory_alloc(sizeof *a);
  if (!a) return -ENOMEM;
  atomic_store(&a->uses, 1);
  memcpy(a->text, text, length + 1);
  const status st = address_is_unix(text) ? read_unix(a) : read_tcp(a, use);
  if (st)
    leave(a);
  else
    *out = a;
  return st;
}

status address_resolve(struct address *a, deadline until) {
  while (a->has_thread && !atomic_load_explicit(&a->is_done, memory_order_acquire)) {
    const status st = futex_wait(&a->is_done, 0, until);
    if (st) return st;
  }
  if (a->has_thread) thread_join(&a->thread);
  a->has_thread = false;
  return a->outcome;
}

const struct addrinfo *address_list(const struct address *a) {
  return a->local.ai_addr ? &a->local : a->found;
}

bool address_write_number(const struct addrinfo *one, char *text, size_t size) {
  return getnameinfo(one->ai_addr, one->ai_addrlen, text, (socklen_t)size, NULL, 0, NI_NUMERICHOST) == 0;
}

const char *address_text(const struct address *a) { return a->text; }

void address_close(struct address *a) {
  if (!a) return;
  if (a->has_thread) thread_detach(&a->thread);
  leave(a);
}
