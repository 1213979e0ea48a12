/* SPDX-License-Identifier: MIT */
/* A lookup ends at its deadline, even if the system's function never answers, and goes on when it
 * is asked again. The system's function is replaced by one that waits for the test. */
#include "os/address.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

#include "base/check.h"
#include "os/clock.h"
#include "os/futex.h"

static futex_word may_answer;
static futex_word answered;
static const struct sockaddr_in there = {.sin_family = AF_INET};
static struct addrinfo found = {
    .ai_family = AF_INET, .ai_addr = (struct sockaddr *)(uintptr_t)&there, .ai_addrlen = sizeof there};

/* Of a number for a host the answer comes at once; of a name when the test says so. */
int getaddrinfo(const char *host, UNUSED const char *port, const struct addrinfo *wanted,
                struct addrinfo **out) {
  if (wanted->ai_flags & AI_NUMERICHOST && strchr("0123456789:", host[0]) == NULL) return EAI_NONAME;
  if (!(wanted->ai_flags & AI_NUMERICHOST))
    while (!atomic_load(&may_answer)) (void)!futex_wait(&may_answer, 0, deadline_never());
  *out = &found;
  atomic_fetch_add(&answered, 1);
  (void)futex_wake(&answered, 1);
  return strcmp(host, "nowhere") == 0 ? EAI_NONAME : 0;
}
void freeaddrinfo(UNUSED struct addrinfo *list) {}

static void await_answers(uint32_t count) {
  for (uint32_t seen; (seen = atomic_load(&answered)) < count;)
    (void)!futex_wait(&answered, seen, deadline_never());
}

static void a_number_needs_no_lookup(void) {
  struct address *a = NULL;
  CHECK_EQ(address_open("127.0.0.1:80", ADDRESS_TO_CONNECT, &a), STATUS_OK);
  CHECK_EQ(address_resolve(a, deadline_now()), STATUS_OK);
  CHECK(address_list(a) == &found);
  address_close(a);
  CHECK_EQ(address_open("[::1]:80", ADDRESS_TO_LISTEN, &a), STATUS_OK);
  CHECK_EQ(address_resolve(a, deadline_now()), STATUS_OK);
  address_close(a);
}

static void a_lookup_ends_at_its_deadline_and_goes_on(void) {
  struct address *a = NULL;
  struct address *given_up = NULL;
  struct address *nowhere = NULL;
  const uint32_t before = atomic_load(&answered);
  CHECK_EQ(address_open("host:80", ADDRESS_TO_CONNECT, &a), STATUS_OK);
  CHECK_EQ(address_open("host:80", ADDRESS_TO_CONNECT, &given_up), STATUS_OK);
  CHECK_EQ(address_open("nowhere:80", ADDRESS_TO_CONNECT, &nowhere), STATUS_OK);
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(address_resolve(a, deadline_after(0.001)), STATUS_TIMEOUT);
    CHECK_EQ(address_resolve(a, deadline_now()), STATUS_TIMEOUT);
  }
  CHECK_EQ(address_resolve(given_up, deadline_now()), STATUS_TIMEOUT);
  address_close(given_up);
  atomic_store(&may_answer, 1);
  (void)futex_wake(&may_answer, 3);
  CHECK_EQ(address_resolve(a, deadline_never()), STATUS_OK);
  CHECK_EQ(address_resolve(a, deadline_now()), STATUS_OK);
  CHECK(address_list(a) == &found);
  CHECK_EQ(address_resolve(nowhere, deadline_never()), STATUS_MALFORMED);
  address_close(a);
  address_close(nowhere);
  await_answers(before + 3);
}

static void a_unix_address_has_its_bounds(void) {
  struct address *a = NULL;
  char path[ADDRESS_TEXT_MAX + 10] = {0};
  memset(path, 'x', sizeof path - 1);
  path[0] = '/';
  CHECK_EQ(address_open(path, ADDRESS_TO_LISTEN, &a), STATUS_TOO_LARGE);
  path[sizeof((struct sockaddr_un *)0)->sun_path] = 0;
  CHECK_EQ(address_open(path, ADDRESS_TO_LISTEN, &a), STATUS_TOO_LARGE);
  path[sizeof((struct sockaddr_un *)0)->sun_path - 1] = 0;
  CHECK_EQ(address_open(path, ADDRESS_TO_LISTEN, &a), STATUS_OK);
  CHECK_EQ(address_resolve(a, deadline_now()), STATUS_OK);
  CHECK_EQ(address_list(a)->ai_family, AF_UNIX);
  address_close(a);
  CHECK_EQ(address_open("@", ADDRESS_TO_LISTEN, &a), STATUS_MALFORMED);
  CHECK_EQ(address_open("nonsense", ADDRESS_TO_LISTEN, &a), STATUS_MALFORMED);
  CHECK_EQ(address_open("host:", ADDRESS_TO_LISTEN, &a), STATUS_MALFORMED);
}

int main(void) {
  a_number_needs_no_lookup();
  a_lookup_ends_at_its_deadline_and_goes_on();
  a_unix_address_has_its_bounds();
  return 0;
}
