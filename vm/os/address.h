/* SPDX-License-Identifier: MIT */
/* Addresses of stream sockets. As text, an address is one of
 *
 *     /path        a Unix socket
 *     @name        a Unix socket in the abstract namespace, which leaves no file behind
 *     host:port    TCP; port 0 of a listener chooses one
 *     [::1]:port   TCP, version 6
 *
 * A host's name is looked up in a thread of its own, because the system's function has no deadline.
 * A lookup that is given up goes on in that thread until the system answers, and the thread then
 * frees what it holds.
 */
#ifndef OS_ADDRESS_H
#define OS_ADDRESS_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/deadline.h"
#include "base/status.h"

enum { ADDRESS_TEXT_MAX = 300 };

/* One caller at a time. */
struct address;
enum address_use { ADDRESS_TO_CONNECT, ADDRESS_TO_LISTEN };

/* STATUS_MALFORMED: the text is no address; STATUS_TOO_LARGE: a path or name that no Unix socket
 * can have; -ENOMEM, -EAGAIN. */
MUST_CHECK status address_open(const char *text, enum address_use use, struct address **out);
/* Waits for the lookup. STATUS_MALFORMED: there is no such host; STATUS_TIMEOUT and
 * STATUS_INTERRUPTED: it may be called again. */
MUST_CHECK status address_resolve(struct address *a, deadline until);
/* After address_resolve: the first of the addresses, valid until address_close. */
const struct addrinfo *address_list(const struct address *a);
/* One of them as a number, without its port. False: it has none. */
bool address_write_number(const struct addrinfo *one, char *text, size_t size);
const char *address_text(const struct address *a);
/* NULL is allowed. */
void address_close(struct address *a);

/* A path, or a name of the abstract namespace. */
bool address_is_unix(const char *text);
bool address_is_path(const char *text);

#endif
