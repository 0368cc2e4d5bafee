/* SPDX-License-Identifier: Apache-2.0 */
/* How fast does firmware leave the service over TLS? One client on the same processors. */

#include "bench/bare_server.h"
#include "bench/measure.h"
#include "tests/support/installation.h"

#include "common/file.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RUNS = 7, IMAGE_BYTES = 64 * 1024 * 1024, PIECE = 256 * 1024 };

static struct installation in = {.tls = true};

static size_t count_bytes(char *data, size_t size, size_t items, void *context)
{
	size_t *all = context;

	(void)data;
	*all += size * items;
	return size * items;
}

/* A client that keeps its connection, as an agent does. */
static CURL *client_new(const char *url, struct curl_slist *headers)
{
	CURL *curl = curl_easy_init();

	measure_must(curl != NULL, "no libcurl");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CAINFO, arena_printf(in.arena, "%s/pki/tls-ca.pem", in.dir));
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)PIECE);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count_bytes);
	return curl;
}

/* MB/s of one download. */
static double download(CURL *curl)
{
	size_t got = 0;
	double began = measure_now();

	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &got);
	measure_must(curl_easy_perform(curl) == CURLE_OK && got == IMAGE_BYTES,
		     "a download failed");
	return IMAGE_BYTES / 1e6 / (measure_now() - began);
}

static double plain_read(const char *path)
{
	static char piece[PIECE];
	size_t got = 0;
	ssize_t now;
	double began = measure_now();
	int file = open(path, O_RDONLY | O_CLOEXEC);

	measure_must(file >= 0, "the stored artifact cannot be opened");
	while ((now = read(file, piece, sizeof(piece))) > 0)
		got += (size_t)now;
	close(file);
	measure_must(got == IMAGE_BYTES, "the stored artifact cannot be read");
	return IMAGE_BYTES / 1e6 / (measure_now() - began);
}

static const char *text_of(const char *name)
{
	struct bytes bytes = {0};
	struct err err = {0};

	measure_must(file_read(in.arena, arena_printf(in.arena, "%s/%s", in.dir, name), 64 * 1024,
			       &bytes, &err),
		     err.text);
	return arena_text_of(in.arena, bytes);
}

static const char *given_image(struct bytes *out)
{
	unsigned char *image = arena_alloc(in.arena, IMAGE_BYTES);

	random_fill(image, IMAGE_BYTES);
	*out = bytes_of(image, IMAGE_BYTES);
	const char *sha256 = arena_text(in.arena, digest_sha256_hex(*out).text);
	measure_must(installation_upload(&in, in.people[AUTHOR].token, sha256, *out).status == 200,
		     "the image was not stored");
	return sha256;
}

static void measure(const char *sha256, uint16_t bare)
{
	struct measure_pair over_tls = {.runs = RUNS}, reading = {.runs = RUNS};
	struct curl_slist *headers = curl_slist_append(
		NULL, arena_printf(in.arena, "Authorization: Bearer %s", in.people[AUTHOR].token));
	CURL *ours =
		client_new(arena_printf(in.arena, "%s/v1/artifacts/%s", in.url, sha256), headers);
	CURL *limit = client_new(arena_printf(in.arena, "https://127.0.0.1:%u/", bare), NULL);
	const char *stored = arena_printf(in.arena, "%s/%.2s/%s", in.artifacts, sha256, sha256);

	for (size_t i = 0; i < RUNS; i++) {
		over_tls.ours[i] = reading.ours[i] = download(ours);
		over_tls.limit[i] = download(limit);
		reading.limit[i] = plain_read(stored);
	}
	curl_easy_cleanup(ours);
	curl_easy_cleanup(limit);
	curl_slist_free_all(headers);
	printf("Download of %d MiB of firmware over TLS 1.3\n", IMAGE_BYTES / 1024 / 1024);
	measure_tell_rate("countersignd: person identified, file", "MB/s",
			  "bare libmicrohttpd, TLS, from memory", &over_tls);
	measure_tell_rate("the same again", "MB/s", "read() of the stored file, no network",
			  &reading);
}

int main(void)
{
	struct bytes image;

	installation_open(&in);
	installation_given_trust(&in);
	installation_given_people(&in);
	const char *sha256 = given_image(&image);
	struct bare_server bare = bare_server_start(image, text_of("keys/service/tls.pem"),
						    text_of("keys/service/tls.key"));
	measure(sha256, bare.port);
	bare_server_stop(&bare);
	installation_close(&in);
	return 0;
}
