/* SPDX-License-Identifier: Apache-2.0 */
/* May this person or device use this route? For the one place that asks, before every call. */

#include "service/access.h"

#include <stdio.h>
#include <string.h>

static const struct {
	int bit;
	const char *role;
} roles[] = {
	{PERM_AUTHOR, "author"},   {PERM_TESTER, "tester"},
	{PERM_QA, "qa"},	   {PERM_RELEASE_MANAGER, "release_manager"},
	{PERM_SUPPORT, "support"}, {PERM_AUDITOR, "auditor"},
	{PERM_ADMIN, "admin"},
};
enum { ROLES = sizeof(roles) / sizeof(roles[0]) };

const char *access_role(const struct actor *actor, int permission)
{
	for (size_t r = 0; actor && r < ROLES; r++) {
		if (permission < PERM_AUTHOR || !(permission & roles[r].bit))
			continue;
		for (size_t g = 0; g < actor->grant_count; g++) {
			if (strcmp(actor->grants[g].role, roles[r].role) == 0)
				return roles[r].role;
		}
	}
	return NULL;
}

bool access_check(const struct actor *actor, int permission, struct err *err)
{
	char words[128];

	if (permission == PERM_PUBLIC)
		return true;
	if (!actor)
		return err_fail(err, E_UNIDENTIFIED, NULL);
	if (permission == PERM_DEVICE_SELF) {
		if (actor->kind == ACTOR_DEVICE)
			return true;
		return err_fail(err, E_DENIED, "Only a device may ask this");
	}
	if (actor->kind != ACTOR_PERSON)
		return err_fail(err, E_DENIED, "Only a person may ask this");
	if (permission == PERM_PERSON || access_role(actor, permission))
		return true;
	access_words(permission, words, sizeof(words));
	return err_fail(err, E_DENIED, "This needs the role %s; ask an administrator", words);
}

void access_words(int permission, char *out, size_t size)
{
	static const char *const few[] = {"nobody", "public", "person", "device"};
	size_t used = 0;

	if (permission >= 0 && permission <= PERM_DEVICE_SELF) {
		snprintf(out, size, "%s", few[permission]);
		return;
	}
	out[0] = '\0';
	for (size_t r = 0; r < ROLES && used < size; r++) {
		if (permission & roles[r].bit)
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
						 roles[r].role);
	}
}
