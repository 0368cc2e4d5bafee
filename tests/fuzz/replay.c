/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a parser still stand what fuzzing once found, and everything cut short? Gives every file of
 * the corpus named on the command line to the fuzz function, whole and at every length up to
 * PREFIX_BYTES, each in a buffer of exactly that size so that the sanitizer sees a read past the end.
 */

#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 1024 * 1024, PREFIX_BYTES = 2048, PATH_BYTES = 1024 };

static void give(const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact)
		abort();
	if (size)
		memcpy(exact, bytes, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static bool replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;
	uint8_t *bytes = malloc(FILE_BYTES);
	if (!bytes)
		abort();
	size_t size = fread(bytes, 1, FILE_BYTES, file);
	bool good = !ferror(file);
	(void)fclose(file);
	give(bytes, size);
	for (size_t length = 0; length < size && length <= PREFIX_BYTES; length++)
		give(bytes, length);
	free(bytes);
	return good;
}

int main(int count, char **arguments)
{
	int number = 1;
	bool all_good = true;

	give(NULL, 0);
	printf("ok %d - nothing at all\n", number);
	DIR *folder = count == 2 ? opendir(arguments[1]) : NULL;
	if (!folder) {
		printf("not ok %d - there is a corpus\n1..%d\n", number + 1, number + 1);
		return 1;
	}
	struct dirent *entry;
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		char path[PATH_BYTES];
		snprintf(path, sizeof(path), "%s/%s", arguments[1], entry->d_name);
		/* Said before, so that a crash names its file. */
		fprintf(stderr, "replay: %s\n", path);
		bool good = replay_file(path);
		all_good = all_good && good;
		printf("%sok %d - %s\n", good ? "" : "not ", ++number, entry->d_name);
		fflush(stdout);
	}
	(void)closedir(folder);
	printf("1..%d\n", number);
	return all_good ? 0 : 1;
}
