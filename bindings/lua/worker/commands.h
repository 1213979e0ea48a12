/* SPDX-License-Identifier: MIT */
/* The commands that a worker has started (os.execute, io.popen, a C module), which end with it when it is stopped. */
#ifndef BINDINGS_WORKER_COMMANDS_H
#define BINDINGS_WORKER_COMMANDS_H

#include <stdint.h>

/* Ends all processes that a thread of this process has started, but for workers, and for the tracker of named memory,
 * which outlives its maker. */
void commands_end(int32_t thread);

#endif
