/* SPDX-License-Identifier: MIT */
/* Stream sockets to other programs, at the addresses of os/address.h. No function raises SIGPIPE;
 * all descriptors are close-on-exec and do not block, and belong to the caller. */
#ifndef OS_STREAM_H
#define OS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/address.h"

/* The file that a listener at a path has made; all zeroes: none. */
struct stream_file {
  uint64_t device;
  uint64_t inode;
};

/* Listens at a resolved address; *bound is the address as others need it. -EADDRINUSE, … A file of
 * that name at which nobody listens is replaced; of several listeners that begin at once one gets
 * the name. */
MUST_CHECK status stream_listen(const struct address *a, int *fd, char bound[ADDRESS_TEXT_MAX],
                                struct stream_file *file);
/* Removes the file, if the address still names it. Called before the listener is closed. */
void stream_forget_file(const char *address, const struct stream_file *file);
/* -EAGAIN: nobody is there; -EMFILE, -ENFILE: there is no descriptor for the peer, who stays in
 * line. */
MUST_CHECK status stream_accept(int listener, int *fd);
/* So few descriptors are left to this process that strangers should not get any: `fd` is among the
 * last ones. */
bool stream_is_scarce(int fd);

/* A connection that is being made: the addresses are tried one after the other. */
struct stream_dial {
  struct address *address;
  const struct addrinfo *next; /* NULL before the lookup has ended */
  int fd;                      /* of the one that is tried; -1: none */
};
/* As address_open. */
MUST_CHECK status stream_dial_begin(struct stream_dial *d, const char *address);
/* STATUS_TIMEOUT, STATUS_INTERRUPTED: goes on when called again; as address_resolve;
 * -ECONNREFUSED, -ENOENT, … */
MUST_CHECK status stream_dial_go_on(struct stream_dial *d, deadline until, int *fd);
void stream_dial_end(struct stream_dial *d);
/* All three, for a caller with one deadline. */
MUST_CHECK status stream_connect(const char *address, deadline until, int *fd);

/* Sends what fits: *sent bytes, maybe none. STATUS_CLOSED: the other side is gone. */
MUST_CHECK status stream_send(int fd, const void *data, size_t size, size_t *sent);
/* What is there, at most `size` bytes. -EAGAIN: nothing yet. STATUS_CLOSED. */
MUST_CHECK status stream_receive(int fd, void *data, size_t size, size_t *received);
/* Until it can be written to (or read from). */
MUST_CHECK status stream_wait(int fd, bool to_write, deadline until);
/* The other side is a process of this user or of root, or cannot be asked: a socket of TCP. */
bool stream_is_own_user(int fd);
/* The same of a connection of TCP from this machine. False also: it comes from elsewhere, or is unknown. */
bool stream_is_local_user(int fd);
/* Which machine the other side is on, for counting: the host's number, of version 6 its network;
 * empty: this machine, over a Unix socket. */
enum { STREAM_PEER_MAX = 64 };
void stream_peer(int fd, char peer[STREAM_PEER_MAX]);
/* Ends the connection for all processes that have a descriptor of it. */
void stream_shut_down(int fd);
/* Another descriptor of the same open file, of whatever kind, which no program that is started inherits. */
MUST_CHECK status stream_copy(int fd, int *copy);
/* A negative descriptor is allowed. Bytes that are not sent yet are still sent by the system. */
void stream_close(int fd);

#endif
