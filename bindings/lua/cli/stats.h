/* SPDX-License-Identifier: MIT */
/* MANYMOONS_STATS=PATH: totals of the program, written at its end as one line of JSON.
 *
 *     {"messages":N,"bytes":N,"lock":{"held":seconds,"waited":seconds,"switches":N}}
 *
 * Messages are those of all queues, pipes and pools in all processes of the program. Seconds are
 * sums over all threads of all VMs. Of a killed process the messages are counted, but not the use
 * of VM locks.
 */
#ifndef BINDINGS_CLI_STATS_H
#define BINDINGS_CLI_STATS_H

/* Called by the host program once its workers have ended. Does nothing without MANYMOONS_STATS.
 * A file that cannot be written is reported on stderr. */
void stats_write(void);

#endif
