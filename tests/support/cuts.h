/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_CUTS_H
#define TESTS_SUPPORT_CUTS_H

/*
 * Cuts the power at the n-th storage operation of a whole installation, boots again, and looks: one
 * bank always boots, and in the end there is exactly one report of the attempt, and it is true. The
 * programs are the real ones (board and agent), the server is tests/support/fake_ddi.h.
 */

#include <stdbool.h>

struct cuts_result {
	long long operations; /* of an installation without a cut */
	int cuts;	      /* made */
};

/* stride: every how many operations a cut is made (1: at each), `from` on; good: the image is good,
 * else its initrd is cut off and the unit has to go back. how: "before", "half", "lost". */
void cuts_try(bool good, const char *how, int from, int stride, struct cuts_result *out);

int cuts_set_up(void **state);
int cuts_tear_down(void **state);

#endif
