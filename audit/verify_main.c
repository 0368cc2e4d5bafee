/* SPDX-License-Identifier: Apache-2.0 */
/*
 * countersign-verify: checks an evidence package offline. Opens no socket and no database; reads
 * the package and the trust file, writes to standard output.
 */

#include "audit/verify.h"
#include "common/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STATE_BYTES = 2000 * 1024 * 1024,
	OUT_BYTES = 64 * 1024 * 1024,
	TRUST_FILE_MAX = 256 * 1024,
	EXIT_USAGE = 3,
};

struct arguments {
	const char *folder;
	const char *trust;
	bool json;
	bool help;
};

static const char usage[] =
	"usage: countersign-verify PACKAGE_DIR [--trust FILE] [--json]\n"
	"\n"
	"Checks an evidence package of Countersign without database or network.\n"
	"  --trust FILE  pinned root keys, and optionally ledger key, origin and the last\n"
	"                checkpoint you hold; from outside the package\n"
	"  --json        the report as one JSON document\n"
	"exit: 0 ok; 1 tampered; 2 incomplete, not fresh, or no trust file given; 3 usage\n";

static bool read_arguments(int argc, char **argv, struct arguments *out)
{
	struct arguments arguments = {0};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			arguments.json = true;
		else if (strcmp(argv[i], "--help") == 0)
			arguments.help = true;
		else if (strcmp(argv[i], "--trust") == 0 && i + 1 < argc && !arguments.trust)
			arguments.trust = argv[++i];
		else if (argv[i][0] != '-' && !arguments.folder)
			arguments.folder = argv[i];
		else
			return false;
	}
	*out = arguments;
	return arguments.help || arguments.folder;
}

static bool read_pin(struct arena *arena, const char *path, struct trust_pin *out, struct err *err)
{
	struct bytes file;

	return file_read(arena, path, TRUST_FILE_MAX, &file, err) &&
	       trust_pin_parse(arena, file, out, err);
}

static void print_report(const struct verify_report *report, bool json)
{
	struct arena *arena = arena_new(OUT_BYTES);

	fputs(json ? doc_pretty(arena, verify_doc(arena, report)) : verify_text(arena, report),
	      stdout);
	arena_free(arena);
}

static int run(const struct arguments *arguments, struct arena *arena)
{
	struct verify_report report;
	struct trust_pin pin;
	struct err err = {0};

	if ((arguments->trust && !read_pin(arena, arguments->trust, &pin, &err)) ||
	    !verify_package(arena, arguments->folder, arguments->trust ? &pin : NULL, &report,
			    &err)) {
		fprintf(stderr, "countersign-verify: %s\n", err.text);
		return EXIT_USAGE;
	}
	print_report(&report, arguments->json);
	if (fflush(stdout) != 0) {
		fputs("countersign-verify: the report could not be written\n", stderr);
		return EXIT_USAGE;
	}
	return verify_exit(&report);
}

int main(int argc, char **argv)
{
	struct arguments arguments;

	if (!read_arguments(argc, argv, &arguments)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (arguments.help) {
		fputs(usage, stdout);
		return 0;
	}
	struct arena *arena = arena_new(STATE_BYTES);
	int code = run(&arguments, arena);
	arena_free(arena);
	return code;
}
