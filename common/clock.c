/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time is it, how is it written, and does the kernel trust it: the only caller of
 * clock_gettime.
 */

#include "common/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

enum { FIRST_YEAR = 1970, LAST_YEAR = 9999, DAY_SECONDS = 86400 };

/* 9999-12-31T23:59:59.999999Z: the last instant that fits the form. */
#define LAST_INSTANT (INT64_C(253402300800) * CLOCK_SECOND - 1)

/* What clock_set_for_test adds to the wall clock. */
static _Atomic clock_us shift;

static clock_us read_clock(clockid_t which)
{
	struct timespec at = {0};
	clock_gettime(which, &at);
	return (clock_us)at.tv_sec * CLOCK_SECOND + at.tv_nsec / 1000;
}

clock_us clock_now(void)
{
	return read_clock(CLOCK_REALTIME) + shift;
}

clock_us clock_boot(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

void clock_set_for_test(clock_us at)
{
	shift = at ? at - read_clock(CLOCK_REALTIME) : 0;
}

const char *clock_state(void)
{
	struct timex now = {0};
	int state = adjtimex(&now);

	if (state < 0)
		return "unknown";
	return state == TIME_ERROR || (now.status & STA_UNSYNC) ? "unsynchronized" : "synchronized";
}

void clock_sleep(clock_us time)
{
	if (time <= 0)
		return;
	struct timespec left = {
		.tv_sec = time / CLOCK_SECOND,
		.tv_nsec = (long)(time % CLOCK_SECOND) * 1000,
	};
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		continue;
}

/*
 * Dates by arithmetic on years that begin in March (the leap day is then the last one), in eras of
 * 400 years of 146,097 days; after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
static int64_t days_of_date(int year, int month, int day)
{
	int64_t years = month > 2 ? year : year - 1;
	int64_t era = years / 400;
	int64_t year_of_era = years - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void date_of_days(int64_t days, int *year, int *month, int *day)
{
	int64_t shifted = days + 719468;
	int64_t era = shifted / 146097;
	int64_t day_of_era = shifted - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted_month = (5 * day_of_year + 2) / 153;

	*day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
	*month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

struct clock_text clock_format(clock_us at)
{
	struct clock_text out = {0};
	char buffer[96]; /* more than needed: the compiler counts every digit an int may have */
	int year, month, day;

	if (at < 0)
		at = 0;
	if (at > LAST_INSTANT)
		at = LAST_INSTANT;
	int64_t seconds = at / CLOCK_SECOND;
	int rest = (int)(seconds % DAY_SECONDS);
	date_of_days(seconds / DAY_SECONDS, &year, &month, &day);
	snprintf(buffer, sizeof(buffer), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", year, month, day,
		 rest / 3600, rest / 60 % 60, rest % 60, (int)(at % CLOCK_SECOND));
	memcpy(out.text, buffer, CLOCK_TEXT_BYTES - 1);
	return out;
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 && leap ? 29 : days[month - 1];
}

static bool form_fits(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.ddddddZ";

	if (strnlen(text, CLOCK_TEXT_BYTES) != CLOCK_TEXT_BYTES - 1)
		return false;
	for (size_t i = 0; i < CLOCK_TEXT_BYTES - 1; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';
		if (form[i] == 'd' ? !digit : text[i] != form[i])
			return false;
	}
	return true;
}

static int number_at(const char *text, size_t count)
{
	int value = 0;
	for (size_t i = 0; i < count; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

bool clock_parse(const char *text, clock_us *out, struct err *err)
{
	if (!text || !form_fits(text))
		return err_fail(
			err, E_INPUT,
			"A time is written as 2026-11-23T06:07:03.123456Z (UTC, six decimals)");
	int year = number_at(text, 4);
	int month = number_at(text + 5, 2);
	int day = number_at(text + 8, 2);
	int hour = number_at(text + 11, 2);
	int minute = number_at(text + 14, 2);
	int second = number_at(text + 17, 2);
	if (year < FIRST_YEAR || month < 1 || month > 12 || day < 1 ||
	    day > month_days(year, month))
		return err_fail(err, E_INPUT, "%.10s is no date from 1970 to 9999", text);
	if (hour > 23 || minute > 59 || second > 59)
		return err_fail(err, E_INPUT, "%.15s is no time of day", text + 11);
	int64_t seconds = days_of_date(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60;
	*out = (seconds + second) * CLOCK_SECOND + number_at(text + 20, 6);
	return true;
}
