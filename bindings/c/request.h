/* SPDX-License-Identifier: MIT */
/* A request of a program to a VM, and its outcome: plain data without a lock, with one owner.
 *
 * run_request.c runs a request, in this process or another one. A job (job.h) contains a request
 * and its outcome.
 */
#ifndef C_REQUEST_H
#define C_REQUEST_H

#include <lua.h>

#include "base/bytes.h"
#include "manymoons.h"
#include "wire/tree.h"

enum request_kind {
  REQUEST_EVAL = 1,
  REQUEST_CALL,
  REQUEST_FUNCTION,
  REQUEST_RESUME,  /* a coroutine that waits for the next frame goes on */
  REQUEST_DROP,    /* such a coroutine is closed */
  REQUEST_COLLECT, /* collects garbage for a while */
  REQUEST_RESET,   /* the VM's thread opens a fresh Lua VM: never run by run_request */
};

/* The state of an outcome that is none yet: the coroutine waits for the next frame. */
enum { OUTCOME_WAITS = 2 };

/* A request owns its parts. */
struct request {
  enum request_kind kind;
  char *name; /* of the chunk or the function */
  char *source;
  size_t source_size;
  struct bytes message; /* the arguments, with their holds; empty: none */
  int (*function)(lua_State *, void *);
  void *function_argument;
  uint64_t coroutine; /* its number in the VM; 0: the request runs in one go */
  uint32_t budget_us; /* REQUEST_COLLECT */
};

/* An outcome owns its parts. */
struct outcome {
  int state;           /* 1, a negative mm_err, or OUTCOME_WAITS */
  int value;           /* of a REQUEST_FUNCTION its result; of a REQUEST_COLLECT 1: the cycle is over */
  struct tree *result; /* or NULL */
  char *error;         /* or NULL */
};

/* Frees the parts of a request, and drops the holds of its arguments. */
void request_fini(struct request *r);

/* An outcome with a copy of `text`, or without a text if `text` is NULL or memory runs out. */
struct outcome outcome_failed(int err, const char *text);
/* As mm_strerror (manymoons.h). */
const char *outcome_text(int err);

#endif
