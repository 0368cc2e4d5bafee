/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long does proof take? countersign-verify, as its user starts it, on the package of a whole
 * story and on the same with a long history; against hashing the same bytes once. Or on another
 * package: bench_verify FOLDER PIN.
 */

#include "audit/log.h"
#include "bench/measure.h"
#include "tests/support/evidence_story.h"
#include "tests/support/process.h"

#include "common/file.h"

#include <stdio.h>
#include <stdlib.h>

enum { RUNS = 5, HISTORY = 20000, DEVICES = 500, ARENA = 1024 * 1024 * 1024 };

struct package {
	const char *name, *folder, *pin;
	size_t bytes;
	int64_t events;
};

static double verify(struct arena *arena, const struct package *package)
{
	const char *programs = getenv("COUNTERSIGN_TEST_PROGRAMS");
	static char output[64 * 1024];
	int code = -1;

	measure_must(programs != NULL, "COUNTERSIGN_TEST_PROGRAMS is not set");
	const char *const argv[] = {arena_printf(arena, "%s/countersign-verify", programs),
				    package->folder, "--trust", package->pin, NULL};
	double began = measure_now();
	measure_must(process_run(argv, NULL, &code, output, sizeof(output)) && code == 0, output);
	return measure_now() - began;
}

/* Reads every file and hashes it: no proof can be had for less. */
static double hash(struct package *package)
{
	struct arena *arena = arena_new(ARENA);
	size_t count;
	double began = measure_now();
	const char *const *paths = evidence_list(arena, package->folder, &count);

	package->bytes = 0;
	for (size_t i = 0; i < count; i++) {
		struct bytes bytes = evidence_file_get(arena, package->folder, paths[i]);
		(void)digest_sha256(bytes);
		package->bytes += bytes.size;
	}
	double took = measure_now() - began;
	arena_free(arena);
	return took;
}

static void measure(struct package *package)
{
	struct measure_pair pair = {.runs = RUNS};
	struct arena *arena = arena_new(ARENA);
	const struct doc *manifest = NULL;
	struct err err = {0};

	measure_must(doc_parse(arena, evidence_file_get(arena, package->folder, "manifest.json"),
			       &manifest, &err),
		     err.text);
	package->events = doc_int(doc_get(manifest, "size"), 0);
	for (size_t i = 0; i < RUNS; i++) {
		pair.ours[i] = (double)package->events / verify(arena, package);
		pair.limit[i] = (double)package->events / hash(package);
	}
	printf("Verifying %s: %lld events, %.1f MB\n", package->name, (long long)package->events,
	       (double)package->bytes / 1e6);
	measure_tell_rate("countersign-verify, process and all", "events/s",
			  "reading and SHA-256 of every file, in process", &pair);
	arena_free(arena);
}

/* The story's package, and many refusals of devices more, as the holder of the ledger key writes it. */
static const char *lengthen(struct evidence_story *story, const char *folder)
{
	struct arena *arena = arena_new(ARENA);
	struct evidence *evidence = evidence_read(arena, folder);
	const char *out = arena_printf(story->in.arena, "%s/long", story->in.dir);
	clock_us at = evidence->events[evidence->event_count - 1].act.at;

	for (int i = 0; i < HISTORY; i++) {
		struct evidence_event *event =
			evidence_append(evidence, EV_DEVICE_REFUSED, at + i, NULL);
		event->writer = "service/1";
		event->act.actor_kind = ACTOR_SERVICE;
		audit_stream(&event->event, STREAM_DEVICE,
			     arena_printf(arena, "bench-%03d", i % DEVICES));
	}
	evidence_write(evidence, out, story->in.ledger.key);
	arena_free(arena);
	return out;
}

static void measure_story(void)
{
	static struct evidence_story story;

	evidence_story_open(&story);
	struct package package = {.name = "the package of a story",
				  .folder = evidence_story_export(&story, "package"),
				  .pin = story.in.pin};
	measure(&package);
	package.name = "the same with a long history";
	package.folder = lengthen(&story, package.folder);
	measure(&package);
	evidence_story_close(&story);
}

int main(int argc, char **argv)
{
	struct package given = {.name = "this package"};

	if (argc != 3) {
		measure_story();
		return 0;
	}
	given.folder = argv[1];
	given.pin = argv[2];
	measure(&given);
	return 0;
}
