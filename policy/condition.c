/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a requirement apply to these facts? For rulesets, which ask before they demand. A condition
 * is read into a tree once; what could not be compared is refused then.
 */

#include "policy/condition.h"

enum { DEPTH_MAX = 8, PARTS_MAX = 32, EQUALS_MAX = 255 };

enum condition_kind { CONDITION_EQUALS, CONDITION_ALL, CONDITION_ANY, CONDITION_NOT };

enum fact_kind { FACT_TEXT, FACT_INT };

struct fact {
	const char *name;
	enum fact_kind kind;
	bool of_campaign; /* offset is into struct facts_campaign */
	size_t offset;
};

struct condition {
	enum condition_kind kind;
	const struct fact *fact;
	const char *text;
	int64_t number;
	const struct condition **parts;
	size_t part_count;
};

/* clang-format off */
static const struct fact facts_to_ask[] = {
	{"product.id",       FACT_TEXT, false, offsetof(struct facts, product.id)},
	{"author.person",    FACT_TEXT, false, offsetof(struct facts, author.person)},
	{"release.version",  FACT_TEXT, false, offsetof(struct facts, release.version)},
	{"release.sequence", FACT_INT,  false, offsetof(struct facts, release.sequence)},
	{"campaign.targets", FACT_INT,  true,  offsetof(struct facts_campaign, targets)},
};
/* clang-format on */

static bool read_part(struct arena *arena, const struct doc *doc, const char *gate, int depth,
		      const struct condition **out, struct err *err);

bool condition_read(struct arena *arena, const struct doc *doc, const char *gate,
		    const struct condition **out, struct err *err)
{
	if (!read_part(arena, doc, gate, 1, out, err)) {
		err_prefix(err, "applies");
		return false;
	}
	return true;
}

static const struct fact *fact_find(const char *name)
{
	for (size_t i = 0; i < DOC_COUNT(facts_to_ask); i++) {
		if (facts_same(facts_to_ask[i].name, name))
			return &facts_to_ask[i];
	}
	return NULL;
}

static bool read_equals(struct arena *arena, const struct doc *doc, const char *gate,
			struct condition *out, struct err *err)
{
	const char *name = doc_get_text(doc, "fact");
	const struct doc *equals = doc_get(doc, "equals");
	const struct fact *fact = name ? fact_find(name) : NULL;

	if (!fact || !equals || doc_size(doc) != 2)
		return err_fail(err, E_RULESET,
				"a comparison is {fact, equals} with a fact that "
				"policy/condition.h names");
	if (fact->of_campaign && !facts_same(gate, "campaign"))
		return err_fail(err, E_RULESET, "%s is known to the campaign gate only",
				fact->name);
	out->kind = CONDITION_EQUALS;
	out->fact = fact;
	if (fact->kind == FACT_INT) {
		out->number = doc_int(equals, 0);
		return doc_kind(equals) == DOC_KIND_INT ||
		       err_fail(err, E_RULESET, "%s is compared with a whole number", fact->name);
	}
	const char *text = doc_text(equals);
	if (!text || strlen(text) > EQUALS_MAX)
		return err_fail(err, E_RULESET, "%s is compared with a text of at most %d bytes",
				fact->name, EQUALS_MAX);
	out->text = arena_text(arena, text);
	return true;
}

static bool read_parts(struct arena *arena, const struct doc *list, const char *gate, int depth,
		       struct condition *out, struct err *err)
{
	size_t count = doc_size(list);

	if (doc_kind(list) != DOC_KIND_ARRAY || count < 1 || count > PARTS_MAX)
		return err_fail(err, E_RULESET, "all and any take a list of 1 to %d conditions",
				PARTS_MAX);
	out->parts = arena_array(arena, count, sizeof(const struct condition *));
	out->part_count = count;
	for (size_t i = 0; i < count; i++) {
		if (!read_part(arena, doc_at(list, i), gate, depth + 1, &out->parts[i], err))
			return false;
	}
	return true;
}

static bool read_part(struct arena *arena, const struct doc *doc, const char *gate, int depth,
		      const struct condition **out, struct err *err)
{
	struct condition *read = arena_alloc(arena, sizeof(*read));
	const struct doc *all = doc_get(doc, "all");
	const struct doc *any = doc_get(doc, "any");
	const struct doc *not = doc_get(doc, "not");

	*out = read;
	if (depth > DEPTH_MAX)
		return err_fail(err, E_RULESET, "conditions nest at most %d deep", DEPTH_MAX);
	if (!all && !any && !not )
		return read_equals(arena, doc, gate, read, err);
	if (doc_size(doc) != 1)
		return err_fail(err, E_RULESET,
				"a condition is one of {fact, equals}, {all}, {any}, {not}");
	if (not ) {
		read->kind = CONDITION_NOT;
		read->part_count = 1;
		read->parts = arena_array(arena, 1, sizeof(const struct condition *));
		return read_part(arena, not, gate, depth + 1, &read->parts[0], err);
	}
	read->kind = all ? CONDITION_ALL : CONDITION_ANY;
	return read_parts(arena, all ? all : any, gate, depth, read, err);
}

static bool equals(const struct condition *condition, const struct facts *facts)
{
	const struct fact *fact = condition->fact;
	const char *base = fact->of_campaign ? (const char *)facts->campaign : (const char *)facts;

	if (fact->kind == FACT_INT) {
		int64_t number;
		memcpy(&number, base + fact->offset, sizeof(number));
		return number == condition->number;
	}
	const char *text;
	memcpy(&text, base + fact->offset, sizeof(text));
	return text && facts_same(text, condition->text);
}

/* Do all (or, with `any`, does one) of the parts hold? */
static bool parts_hold(const struct condition *condition, const struct facts *facts, bool any)
{
	for (size_t i = 0; i < condition->part_count; i++) {
		if (condition_holds(condition->parts[i], facts) == any)
			return any;
	}
	return !any;
}

bool condition_holds(const struct condition *condition, const struct facts *facts)
{
	if (!condition)
		return true;
	switch (condition->kind) {
	case CONDITION_EQUALS:
		return equals(condition, facts);
	case CONDITION_ALL:
		return parts_hold(condition, facts, false);
	case CONDITION_ANY:
		return parts_hold(condition, facts, true);
	case CONDITION_NOT:
		return !condition_holds(condition->parts[0], facts);
	}
	return false;
}
