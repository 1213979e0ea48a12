/* SPDX-License-Identifier: MIT */
/* What a program asks of a VM, and what came of it: values without a lock, which belong to their
 * holder.
 *
 * A request is run by run_request.c, in this process or another one; a job (job.h) is a request on its
 * way.
 */
#ifndef C_REQUEST_H
#define C_REQUEST_H

#include <lua.h>

#include "base/bytes.h"
#include "manymoons.h"
#include "wire/tree.h"

enum request_kind { REQUEST_EVAL = 1, REQUEST_CALL, REQUEST_FUNCTION };

/* What is to be run; its parts belong to it. */
struct request {
  enum request_kind kind;
  char *name; /* of the chunk, or the function */
  char *source;
  size_t source_size;
  struct bytes message; /* the arguments, with holds; empty: none */
  int (*function)(lua_State *, void *);
  void *function_argument;
};

/* How it ended. */
struct outcome {
  int state;           /* 1, or a negative mm_err */
  int value;           /* what a REQUEST_FUNCTION returned */
  struct tree *result; /* or NULL */
  char *error;         /* or NULL */
};

/* Frees its parts, and what the arguments hold. */
void request_fini(struct request *r);

/* `text` NULL: the outcome has no words. Out of memory it has none either. */
struct outcome outcome_failed(int err, const char *text);
/* As mm_strerror (manymoons.h). */
const char *outcome_text(int err);

#endif
