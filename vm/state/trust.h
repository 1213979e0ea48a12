/* SPDX-License-Identifier: MIT */
/* How far a reader trusts the sender of bytes. decode.c has the list of what each level may bring;
 * docs/explanation/trust.md names the level of each entry point.
 *
 * The levels rise: each brings what those before it bring, and more.
 */
#ifndef STATE_TRUST_H
#define STATE_TRUST_H

enum trust {
  TRUST_STRANGER = 1, /* anybody: data, and instances of classes that are registered as untrusted */
  TRUST_PEER,         /* a holder of the key or secret: also code, and objects by name */
  TRUST_OWN_PROGRAM,  /* this program, or bytes for which the caller vouches: also its handles */
};

#endif
