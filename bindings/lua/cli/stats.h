/* SPDX-License-Identifier: MIT */
/* MANYMOONS_STATS=PATH: what the program did in all, written by itself when it ends, as
 * one line of JSON.
 *
 *     {"messages":N,"bytes":N,"lock":{"held":seconds,"waited":seconds,"switches":N}}
 *
 * Messages are those of all queues, pipes and pools, in all processes of the program; a process
 * that was killed has its messages counted, but not how it used its locks. Seconds are sums over
 * all threads of all VMs.
 */
#ifndef BINDINGS_CLI_STATS_H
#define BINDINGS_CLI_STATS_H

/* By the host program alone, once its workers have ended. Does nothing where nobody asked; says on stderr
 * when the file cannot be written. */
void stats_write(void);

#endif
