/* SPDX-License-Identifier: MIT */
/* The sandboxed worker's side of its guard (process/guard.h): leaving the program, and requests.
 *
 * I1  From sandboxed_leave_program on this process maps no memory of the program and has no
 *     descriptor of it but standard output and error. From sandboxed_enter on it is in the sandbox.
 *
 * The state is at file scope (vm/README.md): a process is sandboxed as a whole, and has one thread.
 */
#ifndef PROCESS_SANDBOXED_H
#define PROCESS_SANDBOXED_H

#include "os/sandbox.h"
#include "process/guard.h"

/* Inside, after guard_start: makes a segment of this process's own, and closes the inherited
 * descriptors. On failure the process must end. */
MUST_CHECK status sandboxed_leave_program(const struct guard *g);
/* As sandbox_enter (os/sandbox.h). */
MUST_CHECK status sandboxed_enter(const struct sandbox_rules *rules, const char **what);

/* Whether this process is a sandboxed worker. */
bool sandboxed_is(void);
struct sandbox_page *sandboxed_page(void);

/* Sends a request and waits for its answer, *f and `payload`. STATUS_INTERRUPTED: this VM was
 * asked to stop; the worker must end. STATUS_CLOSED: the guard is gone. */
MUST_CHECK status sandboxed_ask(struct frame *f, const void *body, size_t body_size, struct bytes *payload,
                                bool (*must_end)(void *context), void *context);
/* Sends a request that has no answer. */
MUST_CHECK status sandboxed_tell(struct frame *f, const void *head, size_t head_size, const void *body,
                                 size_t body_size);

#endif
