/* SPDX-License-Identifier: MIT */
/* Named instants of a VM's opening and closing, at which a test stops the VM, ends the program, or waits.
 *
 * STOP_POINT("vm.opened") does nothing in release builds. In test builds (MM_STOP_POINTS) it calls what a test
 * has set, on the thread that passes the point. No lock of a rank other than rank_vm is held there.
 */
#ifndef STATE_STOP_POINT_H
#define STATE_STOP_POINT_H

#if defined(MM_STOP_POINTS)
/* Calls act(name) of stop_point_on. */
void stop_point(const char *name);
/* `act` is called at each point from now on; NULL: nothing is. */
void stop_point_on(void (*act)(const char *name));
#define STOP_POINT(name) stop_point(name)
#else
#define STOP_POINT(name) ((void)0)
#endif

#endif
