/* SPDX-License-Identifier: MIT */
/* Named instants at which a test lets this process die.
 *
 * KILL_POINT("ring.put.committed") does nothing in release builds. In test builds (MM_KILL_POINTS)
 * a process that called kill_point_arm(name, n) sends itself SIGKILL when it passes that point for
 * the n-th time. With name NULL every point counts, so that a test can visit all of them in the
 * order of execution.
 */
#ifndef SHARED_KILL_POINT_H
#define SHARED_KILL_POINT_H

#if defined(MM_KILL_POINTS)
/* Kills this process if it is the armed point. Test builds alone. */
void kill_point(const char *name);
/* Kills the process at the `countdown`-th point of that name, or of any name if it is NULL; 0
 * disarms. */
void kill_point_arm(const char *name, long countdown);
#define KILL_POINT(name) kill_point(name)
#else
#define KILL_POINT(name) ((void)0)
#endif

/* A killed process has done the stores before the point of its death and none after it, so it
 * suffices that the compiler does not reorder them. */
#define STORE_ORDER() atomic_signal_fence(memory_order_seq_cst)

#endif
