/* SPDX-License-Identifier: MIT */
/* A embedded VM in a process of its own: this side is bindings/c/process_vm.c, the other one
 * bindings/c/process_vm_main.c.
 *
 *     start info    struct process_vm_birth | name | path | cpath | modules: name | source …
 *     request  struct process_vm_request | name | source | the arguments' message
 *     reply    struct process_vm_reply | the results' message, or what the error said
 *
 * Texts are a size (u32), the bytes and a zero. Requests go through one ring of the segment,
 * replies through another; one request at a time. A thread of the program waits for the reply, and
 * watches: so a process that dies, is killed or hangs is a job that failed, and no more.
 */
#ifndef C_PROCESS_VM_H
#define C_PROCESS_VM_H

#include "base/bytes.h"
#include "process/worker_status.h"
#include "shared/ring.h"
#include "state/library.h"
#include "wire/reader.h"

enum { PROCESS_VM_BIRTH_ROLE = 3 }; /* beside those of bindings/lua/worker/start_info.h */

struct process_vm_birth {
  uint32_t role;
  uint32_t libraries; /* enum vm_standard_library */
  uint64_t memory_limit;
  int32_t nice;
  uint32_t must_be_stoppable; /* 1: signals have to reach it, whatever that costs */
  uint32_t reserved;
  uint32_t module_count;
  object_ref requests;
  object_ref replies;
  uint64_t size; /* of it all */
};

struct process_vm_request {
  uint32_t kind;
  uint32_t reserved;
};

struct process_vm_reply {
  int32_t state;
  uint32_t reserved;
  uint64_t memory;
  uint64_t memory_peak;
};

/* Texts of births, requests and replies. */
MUST_CHECK status process_vm_add_text(struct bytes *out, const char *text, size_t size);
MUST_CHECK status process_vm_take_text(struct reader *r, const char **text, size_t *size);
/* Puts `text` into a ring, with the objects that `message`, a part of it, carries. */
MUST_CHECK status process_vm_put(struct ring *ring, const struct bytes *text, const struct bytes *message);

/* The process's life, from a start info to an exit code. */
int process_vm_serve(const struct vm_library *library, const struct process_vm_birth *start_info,
                     struct worker_status *worker_status);

#endif
