/* SPDX-License-Identifier: Apache-2.0 */
/* Has this one done that too often of late? For refusals, papers and reports. */

#include "service/model/meter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 4, SETS = METER_PLACES / WAYS };

struct place {
	uint64_t who; /* keyed, so that nobody can choose whose place to take */
	clock_us since;
	int64_t omitted;
	unsigned count;
};

struct meter {
	pthread_mutex_t lock;
	clock_us minute;
	unsigned char key[SHA256_BYTES];
	struct place places[SETS][WAYS];
};

struct meter *meter_new(clock_us minute)
{
	struct meter *meter = calloc(1, sizeof(*meter));

	if (!meter)
		abort();
	meter->minute = minute;
	pthread_mutex_init(&meter->lock, NULL);
	random_fill(meter->key, sizeof(meter->key));
	return meter;
}

void meter_free(struct meter *meter)
{
	if (!meter)
		return;
	pthread_mutex_destroy(&meter->lock);
	free(meter);
}

static uint64_t name_of(const struct meter *meter, enum meter_of kind, const char *who)
{
	char text[ID_DEVICE_MAX + 2];
	uint64_t name;
	int length = snprintf(text, sizeof(text), "%c%s", (char)kind, who);
	size_t size = (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1;
	struct sha256 digest =
		digest_hmac(bytes_of(meter->key, sizeof(meter->key)), bytes_of(text, size));

	memcpy(&name, digest.at, sizeof(name));
	return name;
}

/* Its place, or the one whose minute began first. */
static struct place *place_of(struct meter *meter, uint64_t who)
{
	struct place *set = meter->places[who % SETS];
	struct place *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].who == who)
			return &set[i];
		if (set[i].since < oldest->since)
			oldest = &set[i];
	}
	*oldest = (struct place){.who = who};
	return oldest;
}

bool meter_take(struct meter *meter, enum meter_of kind, const char *who, unsigned most,
		int64_t *omitted)
{
	uint64_t name = name_of(meter, kind, who);
	clock_us now = clock_boot();

	pthread_mutex_lock(&meter->lock);
	struct place *place = place_of(meter, name);
	if (place->since == 0 || now - place->since >= meter->minute) {
		place->since = now;
		place->count = 0;
	}
	bool good = place->count < most;
	if (good) {
		place->count++;
		if (omitted)
			*omitted = place->omitted;
		place->omitted = 0;
	} else {
		place->omitted++;
	}
	pthread_mutex_unlock(&meter->lock);
	return good;
}

bool meter_refusal(const struct model *model, const char *who, int64_t *omitted)
{
	return meter_take(model->meter, METER_REFUSED, who, METER_REFUSALS, omitted);
}

void meter_note(struct doc *data, int64_t omitted)
{
	if (omitted > 0)
		doc_set_int(data, "omitted", omitted);
}
