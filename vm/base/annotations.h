/* SPDX-License-Identifier: MIT */
/* Compiler annotations of prototypes.
 *
 * MUST_CHECK      the result is a status; a caller that ignores it is a warning, and so an error
 * PRINTF(f, a)    argument f is a format, argument a the first that it formats
 * MODULE_EXPORT   visible outside the delivered library; everything else is hidden
 *
 * The rest is clang's thread-safety analysis, which gcc ignores: see sync/lock_rank.h.
 */
#ifndef BASE_ANNOTATIONS_H
#define BASE_ANNOTATIONS_H

#define MUST_CHECK    __attribute__((warn_unused_result))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define NO_RETURN     __attribute__((noreturn, cold))
#define UNUSED        __attribute__((unused))
#define MODULE_EXPORT __attribute__((visibility("default")))

#if defined(__clang__)
#define TS_ATTRIBUTE(x) __attribute__((x))
#else
#define TS_ATTRIBUTE(x)
#endif

#define CAPABILITY(name)          TS_ATTRIBUTE(capability(name))
#define GUARDED_BY(lock)          TS_ATTRIBUTE(guarded_by(lock))
#define ACQUIRED_AFTER(...)       TS_ATTRIBUTE(acquired_after(__VA_ARGS__))
#define ACQUIRES(...)             TS_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASES(...)             TS_ATTRIBUTE(release_capability(__VA_ARGS__))
#define REQUIRES(...)             TS_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...)             TS_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS TS_ATTRIBUTE(no_thread_safety_analysis)

#endif
