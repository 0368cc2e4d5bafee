/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

/*
 * What all measurements share: a clock, medians, and one shape of line. Every figure stands beside a
 * limit that a minimal prototype without our code reached in the same run, on the same machine, in
 * turns with ours. Figures are told, never judged: a slow machine fails nothing.
 */

#include <stddef.h>
#include <stdint.h>

enum { MEASURE_RUNS_MAX = 16 };

/* Seconds since some moment. */
double measure_now(void);

/* Sorts the values. part: 0.5 is the median, 0.99 what 99 of 100 do not exceed. */
double measure_part(double *values, size_t count, double part);

/* Rates, or times when lower is better, one value a run. */
struct measure_pair {
	double ours[MEASURE_RUNS_MAX];
	double limit[MEASURE_RUNS_MAX];
	size_t runs;
};

/* Prints both medians with their extremes, and ours as a share of the limit: 1.00 would be the
 * limit itself, for rates and times alike. */
void measure_tell_rate(const char *what, const char *unit, const char *limit,
		       struct measure_pair *pair);
void measure_tell_time(const char *what, double ours_s, const char *limit, double limit_s);

/* Ends the program, naming what did not work. A macro, so that analyzers know what holds after it. */
#define measure_must(good, what) ((good) ? (void)0 : measure_give_up(what))
_Noreturn void measure_give_up(const char *what);

#endif
