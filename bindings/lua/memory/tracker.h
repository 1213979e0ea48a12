/* SPDX-License-Identifier: MIT */
/* This process's tracker: a small process beside it that removes its named memory if it is killed
 * (vm/helper/tracker.h). It starts with the first named block that this process makes.
 *
 * The state is at file scope (vm/README.md), under a lock without rank: a leaf, but for the sockets
 * of the tracker. Where a tracker cannot run, blocks are made all the same; then they stay if this
 * process is killed. A tracker that is killed or stopped is replaced with the next block, and the next one learns all
 * names; one that is slow, on a busy machine, is waited for.
 *
 * Any thread, without the VM's lock.
 */
#ifndef BINDINGS_MEMORY_TRACKER_H
#define BINDINGS_MEMORY_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

/* The file of that number may get the name. */
void tracker_add(const char *name, uint64_t inode);
/* It has not got that name after all, or has it no more. Nothing for a name that was not added. */
void tracker_drop(const char *name);
/* This process, a worker, ends well: its blocks stay until the program ends. */
void tracker_keep(void);
/* Ends the tracker if no name is left; otherwise it ends with this process. */
void tracker_end(void);
/* Whether that child of this process is the tracker. It takes no lock. */
bool tracker_is(int32_t pid);
/* In a forked child: the tracker is the parent's. */
void tracker_forget(void);

#endif
