/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this a ruleset that can be in force? For whoever adopts one, and for every decision, which
 * reads its rulesets anew from the adopted bytes.
 */

#include "policy/ruleset.h"

#include "common/digest.h"
#include "common/text.h"
#include "policy/items.h"

enum {
	ID_BYTES_MAX = 2 * ID_NAME_MAX,
	CITE_MAX = 120,
	TITLE_MAX = 200,
	SENTENCE_MAX = 1000, /* demand and remedy */
	REMEDY_MAX = 8000,   /* with ids in place of placeholders */
	VERSION_MAX = 1000000,
};

static const char ruleset_type[] = "countersign.ruleset.v1";
static const char *const statuses[] = {"EXAMPLE", "adopted-text", NULL};

struct raw_ruleset {
	struct ruleset at;
	const struct doc *requirements;
};

struct raw_requirement {
	struct ruleset_requirement at;
	const struct doc *cites, *applies, *with;
	const char *rule;
};

static const struct doc_field ruleset_fields[] = {
	DOC_TYPE_MEMBER,
	DOC_TEXT(struct ruleset, name, 1, ID_NAME_MAX),
	DOC_INT(struct ruleset, version, 1, VERSION_MAX),
	DOC_WORD(struct ruleset, status, statuses),
	DOC_TEXT(struct ruleset, title, 1, TITLE_MAX),
	DOC_LIST(struct raw_ruleset, requirements, 1, RULESET_REQUIREMENTS_MAX),
};

static const struct doc_field requirement_fields[] = {
	DOC_TEXT(struct ruleset_requirement, id, 1, ID_BYTES_MAX),
	DOC_WORD(struct ruleset_requirement, gate, facts_gates),
	DOC_LIST(struct raw_requirement, cites, 0, RULESET_CITES_MAX),
	DOC_TEXT(struct ruleset_requirement, demand, 1, SENTENCE_MAX),
	DOC_OBJECT_OPT(struct raw_requirement, applies),
	DOC_TEXT(struct raw_requirement, rule, 1, ID_NAME_MAX),
	DOC_OBJECT_OPT(struct raw_requirement, with),
	DOC_TEXT(struct ruleset_requirement, remedy, 1, SENTENCE_MAX),
};

static bool name_fits(const char *name, struct err *err);
static bool read_requirement(struct arena *arena, const struct doc *doc, const char *ruleset,
			     struct ruleset_requirement *out, struct err *err);
static bool ids_differ(const struct ruleset *ruleset, struct err *err);

bool ruleset_read(struct arena *arena, struct bytes bytes, struct ruleset *out, struct err *err)
{
	struct raw_ruleset raw = {0};
	const struct doc *doc;

	if (bytes.size > RULESET_BYTES_MAX)
		return err_fail(err, E_RULESET, "A ruleset has at most %d bytes",
				RULESET_BYTES_MAX);
	if (!doc_parse_signed(arena, bytes, ruleset_type, &doc, err) ||
	    !doc_read(arena, doc, ruleset_fields, DOC_COUNT(ruleset_fields), &raw, err) ||
	    !name_fits(raw.at.name, err))
		return false;
	size_t count = doc_size(raw.requirements);
	struct ruleset_requirement *all = arena_array(arena, count, sizeof(*all));
	for (size_t i = 0; i < count; i++) {
		if (!read_requirement(arena, doc_at(raw.requirements, i), raw.at.name, &all[i],
				      err)) {
			err_prefix(err, "requirement %zu", i + 1);
			return false;
		}
	}
	raw.at.requirements = all;
	raw.at.requirement_count = count;
	raw.at.sha256 = digest_sha256_hex(bytes);
	if (!ids_differ(&raw.at, err))
		return false;
	*out = raw.at;
	return true;
}

static bool name_fits(const char *name, struct err *err)
{
	if (!id_name_valid(name, ID_NAME_MAX) || strchr(name, '.') || facts_same(name, "core"))
		return err_fail(err, E_RULESET,
				"The name of a ruleset has letters, digits and _ : - only, and is "
				"not core");
	return true;
}

static bool id_fits(const char *id, const char *ruleset, struct err *err)
{
	size_t length = strlen(ruleset);
	if (strncmp(id, ruleset, length) != 0 || id[length] != '.' ||
	    !id_name_valid(id + length + 1, ID_NAME_MAX))
		return err_fail(err, E_RULESET, "id must be \"%s.\" and a name", ruleset);
	return true;
}

static const char *const placeholders[] = {"{release}", "{campaign}", "{product}", NULL};

/* The placeholder that begins here, NULL if none does. */
static const char *placeholder_at(const char *text)
{
	for (const char *const *word = placeholders; *word; word++) {
		if (strncmp(text, *word, strlen(*word)) == 0)
			return *word;
	}
	return NULL;
}

static bool remedy_fits(const char *remedy, const char *gate, struct err *err)
{
	for (const char *at = strpbrk(remedy, "{}"); at; at = strpbrk(at, "{}")) {
		const char *word = placeholder_at(at);
		if (!word)
			return err_fail(err, E_RULESET,
					"remedy may hold {release}, {campaign}, {product} and no "
					"other brace");
		if (facts_same(word, "{campaign}") && !facts_same(gate, "campaign"))
			return err_fail(err, E_RULESET, "a release gate has no {campaign}");
		at += strlen(word);
	}
	return true;
}

static bool read_requirement(struct arena *arena, const struct doc *doc, const char *ruleset,
			     struct ruleset_requirement *out, struct err *err)
{
	struct raw_requirement raw = {0};
	struct ruleset_requirement *at = &raw.at;

	if (!doc_read(arena, doc, requirement_fields, DOC_COUNT(requirement_fields), &raw, err) ||
	    !id_fits(at->id, ruleset, err) || !remedy_fits(at->remedy, at->gate, err) ||
	    !items_read_texts(arena, raw.cites, CITE_MAX, E_RULESET, "cites", &at->cites, err))
		return false;
	at->cite_count = doc_size(raw.cites);
	at->rule = rule_find(raw.rule);
	if (!at->rule)
		return err_fail(err, E_RULESET,
				"there is no rule of this name; policy/rules.h "
				"lists them");
	if (!rule_read_with(arena, at->rule, at->gate, raw.with, &at->with, err))
		return false;
	if (raw.applies && !condition_read(arena, raw.applies, at->gate, &at->applies, err))
		return false;
	*out = raw.at;
	return true;
}

static bool ids_differ(const struct ruleset *ruleset, struct err *err)
{
	for (size_t i = 1; i < ruleset->requirement_count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (facts_same(ruleset->requirements[i].id, ruleset->requirements[k].id))
				return err_fail(err, E_RULESET,
						"requirement %zu: another one has this id", i + 1);
		}
	}
	return true;
}

bool ruleset_canonical(struct arena *arena, struct bytes json, struct bytes *out, struct err *err)
{
	const struct doc *doc;
	struct ruleset ruleset;
	struct bytes bytes;

	if (json.size > RULESET_BYTES_MAX)
		return err_fail(err, E_RULESET, "A ruleset has at most %d bytes",
				RULESET_BYTES_MAX);
	if (!doc_parse(arena, json, &doc, err) || !doc_canonical(arena, doc, &bytes, err) ||
	    !ruleset_read(arena, bytes, &ruleset, err))
		return false;
	*out = bytes;
	return true;
}

static const char *value_of(const char *word, const struct facts *facts)
{
	if (facts_same(word, "{release}"))
		return facts->release.id;
	if (facts_same(word, "{product}"))
		return facts->product.id;
	return facts->campaign->id;
}

const char *ruleset_remedy(struct arena *arena, const char *remedy, const struct facts *facts)
{
	struct text text;
	const char *from = remedy;
	const char *at, *word;

	text_init(&text, arena, REMEDY_MAX);
	/* Every brace begins a placeholder: remedy_fits. */
	while ((at = strchr(from, '{')) && (word = placeholder_at(at))) {
		text_add_bytes(&text, bytes_of(from, (size_t)(at - from)));
		text_add(&text, value_of(word, facts));
		from = at + strlen(word);
	}
	text_add(&text, from);
	return text.at;
}
