/* SPDX-License-Identifier: MIT */
/* The tracker: removes the named memory of a process that was killed.
 *
 *     helper --tracker CHANNEL MAKER PROGRAM
 *
 * MAKER is the process that makes the blocks, and the tracker's parent; PROGRAM is the first process of
 * its program, the same one or not. CHANNEL is a socket that carries packets from the maker:
 *
 *     +INODE NAME   the file of that number may be under that name from now on
 *     -NAME         it is not
 *     =             the maker ends well: its blocks stay until the program ends
 *
 * When the maker ends without "=", or the program ends, the tracker removes the names that still stand
 * for those files, and ends. It heeds no signal, for those of a terminal are meant for the program.
 */
#ifndef HELPER_TRACKER_H
#define HELPER_TRACKER_H

/* argv from CHANNEL on. Returns the exit status. */
int tracker_main(char **argv);

#endif
