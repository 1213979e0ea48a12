/* SPDX-License-Identifier: MIT */
/* What the system calls its error numbers, in no language but English. Any thread. */
#ifndef OS_ERROR_NAME_H
#define OS_ERROR_NAME_H

/* "ENOMEM"; NULL: there is no such number. */
const char *error_name(int number);
/* "Cannot allocate memory"; NULL, as above. */
const char *error_words(int number);

#endif
