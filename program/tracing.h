/* SPDX-License-Identifier: MIT */
/* Recordings (trace/recorder.h) that the command line or the environment requests.
 *
 * `manymoons trace -o FILE script` or MANYMOONS_TRACE=FILE starts one; MANYMOONS_TRACE_LIMIT limits
 * the number of events. The variables are removed from the environment, so that programs started by
 * this one do not overwrite its file.
 */
#ifndef PROGRAM_TRACING_H
#define PROGRAM_TRACING_H

#include "options.h"

/* Starts the requested recording, if there is one. Call it before the main VM is opened. False: the
 * recording failed, and the reason was printed. */
bool tracing_begin(const struct options *o);
bool tracing_is_on(void);
/* Ends the recording, also one that the script started. False: the file is not complete, and the
 * reason was printed. */
bool tracing_end(void);

#endif
