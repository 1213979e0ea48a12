/* SPDX-License-Identifier: MIT */
/* The recording that the command line or the environment asks for: what happens when, in a file
 * (trace/recorder.h).
 *
 * `manymoons trace -o FILE script` or MANYMOONS_TRACE=FILE; MANYMOONS_TRACE_LIMIT says how many
 * events are kept. The variables are for this program alone: programs that it runs do not see them,
 * and so leave its file alone.
 */
#ifndef PROGRAM_TRACING_H
#define PROGRAM_TRACING_H

#include "options.h"

/* Before the main VM is made. False: it was asked for and cannot be; why was said. */
bool tracing_begin(const struct options *o);
bool tracing_is_on(void);
/* Also a recording that the script started. False: the file is not complete, and the
 * reason was printed. */
bool tracing_end(void);

#endif
