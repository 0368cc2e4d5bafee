/* SPDX-License-Identifier: Apache-2.0 */
/* How fast can a chain of events become durable at all, with nothing around it? */

#include "bench/bare_log.h"

#include "bench/measure.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 1000, EVENT_MAX = 4096, HASH = 32, OID_INT8 = 20, OID_BYTEA = 17, SIGNATURE = 64 };

/* A one-dimensional array as PostgreSQL's binary format has it: array_send in arrayfuncs.c. */
struct array {
	unsigned char *at;
	size_t size;
	unsigned int type;
};

struct bare_log {
	PGconn *pg;
	EVP_MD_CTX *digest;
	EVP_PKEY *key;
	char file[512], next_file[512];
	int64_t seq;
	unsigned char head[HASH];
	struct array numbers, events, chain;
};

static void put_number(struct array *array, unsigned int number)
{
	unsigned int wire = htonl(number);

	memcpy(array->at + array->size, &wire, sizeof(wire));
	array->size += sizeof(wire);
}

static void array_begin(struct array *array, size_t count)
{
	array->size = 0;
	put_number(array, 1); /* dimension */
	put_number(array, 0); /* no nulls */
	put_number(array, array->type);
	put_number(array, (unsigned int)count);
	put_number(array, 1); /* lower bound */
}

static void array_add(struct array *array, const void *data, size_t size)
{
	put_number(array, (unsigned int)size);
	memcpy(array->at + array->size, data, size);
	array->size += size;
}

static void array_add_int(struct array *array, int64_t number)
{
	unsigned int words[2] = {htonl((unsigned int)((uint64_t)number >> 32)),
				 htonl((unsigned int)((uint64_t)number & 0xffffffffU))};

	array_add(array, words, sizeof(words));
}

static void array_new(struct array *array, unsigned int type, size_t item)
{
	array->type = type;
	array->at = malloc(20 + BATCH * (item + 4));
	measure_must(array->at != NULL, "out of memory");
}

static void must(struct bare_log *log, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	measure_must(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK,
		     PQerrorMessage(log->pg));
	PQclear(result);
}

static void run(struct bare_log *log, const char *sql)
{
	must(log, PQexec(log->pg, sql));
}

struct bare_log *bare_log_new(const char *conninfo, const char *folder)
{
	struct bare_log *log = calloc(1, sizeof(*log));

	measure_must(log != NULL, "out of memory");
	log->pg = PQconnectdb(conninfo);
	measure_must(PQstatus(log->pg) == CONNECTION_OK, PQerrorMessage(log->pg));
	log->digest = EVP_MD_CTX_new();
	log->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	measure_must(log->digest && log->key, "no key for the prototype");
	snprintf(log->file, sizeof(log->file), "%s/bare-checkpoint", folder);
	snprintf(log->next_file, sizeof(log->next_file), "%s/bare-checkpoint.next", folder);
	array_new(&log->numbers, OID_INT8, sizeof(int64_t));
	array_new(&log->events, OID_BYTEA, EVENT_MAX);
	array_new(&log->chain, OID_BYTEA, HASH);
	run(log, "CREATE TABLE bare_event (seq bigint PRIMARY KEY, bytes bytea NOT NULL, "
		 "chain bytea NOT NULL)");
	run(log, "CREATE TABLE bare_head (seq bigint NOT NULL)");
	run(log, "CREATE TABLE bare_checkpoint (seq bigint PRIMARY KEY, note bytea NOT NULL)");
	run(log, "INSERT INTO bare_head VALUES (0)");
	return log;
}

void bare_log_free(struct bare_log *log)
{
	PQfinish(log->pg);
	EVP_MD_CTX_free(log->digest);
	EVP_PKEY_free(log->key);
	free(log->numbers.at);
	free(log->events.at);
	free(log->chain.at);
	unlink(log->file);
	free(log);
}

static void add_event(struct bare_log *log, size_t bytes)
{
	unsigned char event[EVENT_MAX];
	unsigned int size;

	memset(event, 'x', bytes);
	log->seq++;
	snprintf((char *)event, bytes, "event %lld", (long long)log->seq);
	measure_must(EVP_DigestInit_ex(log->digest, EVP_sha256(), NULL) &&
			     EVP_DigestUpdate(log->digest, log->head, HASH) &&
			     EVP_DigestUpdate(log->digest, event, bytes) &&
			     EVP_DigestFinal_ex(log->digest, log->head, &size),
		     "SHA-256 does not work");
	array_add_int(&log->numbers, log->seq);
	array_add(&log->events, event, bytes);
	array_add(&log->chain, log->head, HASH);
}

/* One statement is one transaction and one exchange with the server. */
static void write_batch(struct bare_log *log, size_t count, size_t bytes)
{
	array_begin(&log->numbers, count);
	array_begin(&log->events, count);
	array_begin(&log->chain, count);
	for (size_t i = 0; i < count; i++)
		add_event(log, bytes);
	const char *const values[] = {(const char *)log->numbers.at, (const char *)log->events.at,
				      (const char *)log->chain.at};
	const int sizes[] = {(int)log->numbers.size, (int)log->events.size, (int)log->chain.size};
	const int binary[] = {1, 1, 1};
	must(log, PQexecParams(log->pg,
			       "WITH written AS (INSERT INTO bare_event SELECT * FROM "
			       "unnest($1::bigint[], $2::bytea[], $3::bytea[]) RETURNING seq) "
			       "UPDATE bare_head SET seq = (SELECT max(seq) FROM written)",
			       3, NULL, values, sizes, binary, 1));
}

void bare_log_write(struct bare_log *log, size_t events, size_t bytes)
{
	measure_must(bytes >= 64 && bytes <= EVENT_MAX, "events of such a size are not foreseen");
	for (size_t left = events; left > 0;) {
		size_t count = left < BATCH ? left : BATCH;
		write_batch(log, count, bytes);
		left -= count;
	}
}

static void sign(struct bare_log *log, unsigned char signature[SIGNATURE])
{
	size_t size = SIGNATURE;
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	measure_must(context && EVP_DigestSignInit(context, NULL, NULL, NULL, log->key) == 1 &&
			     EVP_DigestSign(context, signature, &size, log->head, HASH) == 1,
		     "the prototype cannot sign");
	EVP_MD_CTX_free(context);
}

void bare_log_seal_one(struct bare_log *log, size_t bytes)
{
	unsigned char signature[SIGNATURE];
	char seq[24];

	bare_log_write(log, 1, bytes);
	sign(log, signature);
	int file = open(log->next_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	measure_must(file >= 0 && write(file, signature, SIGNATURE) == SIGNATURE &&
			     fsync(file) == 0 && close(file) == 0 &&
			     rename(log->next_file, log->file) == 0,
		     "the prototype cannot write its checkpoint");
	snprintf(seq, sizeof(seq), "%lld", (long long)log->seq);
	const char *const values[] = {seq, (const char *)signature};
	const int sizes[] = {0, SIGNATURE};
	const int binary[] = {0, 1};
	must(log, PQexecParams(log->pg, "INSERT INTO bare_checkpoint VALUES ($1::bigint, $2)", 2,
			       NULL, values, sizes, binary, 1));
}
