/* SPDX-License-Identifier: Apache-2.0 */
/* How is a figure told so that nobody has to trust it? For the programs of `make bench`. */

#include "bench/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double measure_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return (a > b) - (a < b);
}

double measure_part(double *values, size_t count, double part)
{
	qsort(values, count, sizeof(*values), compare);
	size_t at = (size_t)((double)count * part);
	return values[at < count ? at : count - 1];
}

static void tell(const char *what, const char *unit, double *values, size_t count)
{
	double middle = measure_part(values, count, 0.5);

	printf("  %-46s %10.0f %s  (%.0f to %.0f, %zu runs)\n", what, middle, unit, values[0],
	       values[count - 1], count);
}

void measure_tell_rate(const char *what, const char *unit, const char *limit,
		       struct measure_pair *pair)
{
	tell(what, unit, pair->ours, pair->runs);
	tell(limit, unit, pair->limit, pair->runs);
	printf("  %-46s %10.2f\n", "share of the limit",
	       measure_part(pair->ours, pair->runs, 0.5) /
		       measure_part(pair->limit, pair->runs, 0.5));
	fflush(stdout);
}

void measure_tell_time(const char *what, double ours_s, const char *limit, double limit_s)
{
	printf("  %-46s %10.2f ms\n", what, ours_s * 1e3);
	printf("  %-46s %10.2f ms\n", limit, limit_s * 1e3);
	printf("  %-46s %10.2f\n", "share of the limit", limit_s / ours_s);
	fflush(stdout);
}

void measure_give_up(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}
