/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LINT_BANNED_H
#define TESTS_LINT_BANNED_H

/*
 * Calls that do not compile here. The Makefile includes this file in front of every source (the
 * idea is git's banned.h). Prototypes are repeated instead of included: a system header read this
 * early would settle the feature macros before a source can set its own.
 */

#define BANNED(why) __attribute__((unavailable("banned: " why)))

struct tm;
struct _IO_FILE;

/* Write past the end of what they are given, or leave it without its NUL. */
extern char *strcpy(char *, const char *) BANNED("use text.h or memcpy with a checked size");
extern char *strcat(char *, const char *) BANNED("use text.h");
extern char *strncpy(char *, const char *, unsigned long) BANNED("use text.h");
extern char *strncat(char *, const char *, unsigned long) BANNED("use text.h");
extern char *stpcpy(char *, const char *) BANNED("use text.h");
extern int sprintf(char *, const char *, ...) BANNED("use snprintf, arena_printf or text.h");
extern char *gets(char *) BANNED("use file.h");

/* Keep state between calls or return memory shared by all threads. */
extern char *strtok(char *, const char *) BANNED("use text.h");
extern struct tm *gmtime(const long *) BANNED("use clock.h");
extern struct tm *localtime(const long *) BANNED("use clock.h");
extern char *ctime(const long *) BANNED("use clock.h");
extern char *asctime(const struct tm *) BANNED("use clock.h");
extern int rand(void) BANNED("use digest.h or id.h");
extern void srand(unsigned int) BANNED("use digest.h or id.h");

/* Cannot tell a number from nonsense. */
extern int atoi(const char *) BANNED("use text.h");
extern long atol(const char *) BANNED("use text.h");
extern long long atoll(const char *) BANNED("use text.h");
extern double atof(const char *) BANNED("use text.h");

/* Hand text to a shell, or a guessable name to an attacker. */
extern int system(const char *) BANNED("no shells from C");
extern struct _IO_FILE *popen(const char *, const char *) BANNED("no shells from C");
extern char *tmpnam(char *) BANNED("use mkstemp");
extern char *tempnam(const char *, const char *) BANNED("use mkstemp");
extern char *mktemp(char *) BANNED("use mkstemp");

#undef BANNED

#endif
