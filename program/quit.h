/* SPDX-License-Identifier: MIT */
/* SIGQUIT (kill -QUIT, Ctrl-\\): all Lua stacks of this program are printed on its standard error, by
 * `manymoons stack PID`, which runs beside it. The program goes on. */
#ifndef PROGRAM_QUIT_H
#define PROGRAM_QUIT_H

void quit_catch(void);

#endif
