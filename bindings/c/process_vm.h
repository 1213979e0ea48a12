/* SPDX-License-Identifier: MIT */
/* An embedded VM in a process of its own: the program's side is bindings/c/process_vm.c, the
 * process's side bindings/c/process_vm_main.c.
 *
 *     start info  struct process_vm_start_info | name | path | cpath | modules: name | source …
 *                 | rules of a sandbox, if any
 *     request     struct process_vm_request | name | source | the arguments' message
 *     reply       struct process_vm_reply | the results' message, or the error's text
 *
 *     question    struct process_vm_reply (PROCESS_VM_ASKS) | the name of a module, with its zero
 *     module      struct process_vm_request (PROCESS_VM_MODULE) | name of the chunk | source
 *
 * In a question the process asks, in the middle of a request, for the source of a module; the program
 * answers with a module. A text is a size (u32), the bytes and a zero. Requests go through one ring of the segment,
 * replies through another, one request at a time. A thread of the program waits for the reply and
 * watches the process. So if the process dies, is killed or hangs, its jobs fail, and nothing else
 * does.
 *
 * The process of a VM in a sandbox is two: a guard, which uses the rings, and the sandboxed process,
 * whose requests and replies are frames (process/guard.h, bindings/c/process_vm_guard.c).
 */
#ifndef C_PROCESS_VM_H
#define C_PROCESS_VM_H

#include "base/bytes.h"
#include "process/guard.h"
#include "process/worker_status.h"
#include "shared/ring.h"
#include "state/library.h"
#include "wire/reader.h"

enum { PROCESS_VM_ROLE = 3 }; /* an additional enum start_info_role (bindings/lua/worker/start_info.h) */

struct process_vm_start_info {
  uint32_t role;
  uint32_t libraries; /* enum vm_standard_library */
  uint64_t memory_limit;
  int32_t nice;
  uint32_t must_be_stoppable; /* 1: jobs can be stopped, at the price of LuaJIT's compiler */
  uint32_t has_finder;        /* 1: the program finds modules (mm_rt_config.find) */
  uint32_t has_require;       /* 1: MM_LIB_REQUIRE */
  uint32_t module_count;
  object_ref requests;
  object_ref replies;
  uint64_t sandbox; /* offset of the rules (worker/sandbox_rules.h), at the end; 0: none */
  uint64_t size;    /* of the whole block */
};

/* Beside those of request.h. */
enum { PROCESS_VM_ASKS = 3, PROCESS_VM_MODULE = 100, PROCESS_VM_NO_MODULE = 101 };

struct process_vm_request {
  uint32_t kind;
  uint32_t budget_us;
  uint64_t coroutine;
};

struct process_vm_reply {
  int32_t state;
  int32_t value;
  uint64_t memory;
  uint64_t memory_peak;
};

/* Writes and reads the texts of start infos, requests and replies. The text read points into the
 * reader's bytes. */
MUST_CHECK status process_vm_add_text(struct bytes *out, const char *text, size_t size);
/* *text points into the message, and ends with a zero byte that *size does not count. On failure
 * both are untouched. */
MUST_CHECK status process_vm_take_text(struct reader *r, const char **text, size_t *size);
/* Puts `text` into a ring, with the objects held by `message`, which is a part of it. */
MUST_CHECK status process_vm_put(struct ring *ring, const struct bytes *text, const struct bytes *message);

/* The guard of a VM in a sandbox: serves its process until that ends. */
void process_vm_guard(struct guard *g, struct ring *requests, struct ring *replies);

/* The main function of the process. Returns its exit code. */
int process_vm_serve(const struct vm_library *library, const struct process_vm_start_info *start_info,
                     struct worker_status *worker_status);

#endif
