/* SPDX-License-Identifier: MIT */
/* Named instants at which a test lets this process die.
 *
 * KILL_POINT("ring.put.committed") is nothing in release builds. In test builds (MM_KILL_POINTS) a
 * process that called kill_point_arm(name, n) sends itself SIGKILL the n-th time it passes there;
 * with the name NULL each point counts, so that a test can walk through all of them in the order in
 * which they are met.
 */
#ifndef SHARED_KILL_POINT_H
#define SHARED_KILL_POINT_H

#if defined(MM_KILL_POINTS)
void kill_point(const char *name);
/* Dies at the `countdown`-th point (of that name, or any when name is NULL); 0 disarms. */
void kill_point_arm(const char *name, long countdown);
#define KILL_POINT(name) kill_point(name)
#else
#define KILL_POINT(name) ((void)0)
#endif

/* A dead process's stores stop where its program stopped: the compiler alone must not reorder them. */
#define STORE_ORDER() atomic_signal_fence(memory_order_seq_cst)

#endif
