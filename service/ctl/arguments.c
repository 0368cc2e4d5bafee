/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was this command told to do: its synopsis is read as a grammar, then the words of the command
 * line by it. For main.c, and for every command that asks for its values.
 */

#include "service/ctl/arguments.h"

#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the synopsis ---- */

static void defect(const char *what, const char *name)
{
	fprintf(stderr, "countersign: defect: %s: %s\n", what, name);
	abort();
}

/* A synopsis being read. */
struct reader {
	struct arena *arena;
	const char *at;
	size_t groups, group; /* how many there were; the open one, or 0 */
};

/* The next word without its brackets and dots; false at the end. */
static bool next_word(struct reader *reader, const char **word, size_t *group, bool *many)
{
	const char *from = reader->at + strspn(reader->at, " ");
	size_t length = strcspn(from, " ");

	reader->at = from + length;
	if (length == 0)
		return false;
	if (from[0] == '[') {
		reader->group = ++reader->groups;
		from++;
		length--;
	}
	*group = reader->group;
	if (length > 0 && from[length - 1] == ']') {
		reader->group = 0;
		length--;
	}
	*many = length > 3 && strncmp(from + length - 3, "...", 3) == 0;
	*word = arena_text_of(reader->arena, bytes_of(from, *many ? length - 3 : length));
	return true;
}

static void add_rules(struct reader *reader, const char *synopsis, struct arguments *out)
{
	struct argument_rule rule = {0};

	reader->at = synopsis;
	while (next_word(reader, &rule.name, &rule.group, &rule.many)) {
		char after = reader->at[strspn(reader->at, " ")];
		bool closed = reader->group != rule.group;
		size_t same_group;
		rule.value = NULL;
		rule.operand = rule.name[0] != '-';
		if (out->rule_count == ARGUMENTS_RULES_MAX)
			defect("too many rules in a synopsis", rule.name);
		if (!rule.operand && !closed && after != '\0' && after != '-' && after != '[' &&
		    !next_word(reader, &rule.value, &same_group, &rule.many))
			defect("a synopsis ends early", rule.name);
		out->rules[out->rule_count++] = rule;
	}
}

/* ---- the command line ---- */

static bool give(struct arguments *out, size_t rule, const char *value, struct err *err)
{
	const struct argument_rule *it = &out->rules[rule];

	for (size_t i = 0; i < out->given_count && !it->many; i++) {
		if (out->given[i].rule == rule)
			return err_fail(err, E_USAGE, "%s is given twice", it->name);
	}
	if (out->given_count == ARGUMENTS_VALUES_MAX)
		return err_fail(err, E_USAGE, "There are more than %d arguments",
				ARGUMENTS_VALUES_MAX);
	out->given[out->given_count++] = (struct argument_given){rule, value};
	return true;
}

static bool taken(const struct arguments *out, size_t rule)
{
	for (size_t i = 0; i < out->given_count; i++) {
		if (out->given[i].rule == rule)
			return true;
	}
	return false;
}

static bool give_operand(struct arena *arena, struct arguments *out, const char *word,
			 struct err *err)
{
	for (size_t i = 0; i < out->rule_count; i++) {
		if (out->rules[i].operand && (out->rules[i].many || !taken(out, i)))
			return give(out, i, word, err);
	}
	return err_fail(err, E_USAGE, "'%s' is one word too many; --help shows how to call this",
			text_printable(arena, bytes_of_text(word), 64));
}

/* used: how many words were read, 1 or 2. next NULL: none follows. */
static bool give_option(struct arena *arena, struct arguments *out, const char *word,
			const char *next, size_t *used, struct err *err)
{
	size_t length = strcspn(word, "=");
	bool inside = word[length] == '=';

	for (size_t i = 0; i < out->rule_count; i++) {
		const struct argument_rule *rule = &out->rules[i];
		if (strlen(rule->name) != length || strncmp(rule->name, word, length) != 0)
			continue;
		*used = 1;
		if (!rule->value && inside)
			return err_fail(err, E_USAGE, "%s takes no value", rule->name);
		if (!rule->value)
			return give(out, i, "", err);
		if (inside)
			return give(out, i, word + length + 1, err);
		if (!next || strncmp(next, "--", 2) == 0)
			return err_fail(err, E_USAGE, "%s needs a value: %s %s", rule->name,
					rule->name, rule->value);
		*used = 2;
		return give(out, i, next, err);
	}
	return err_fail(err, E_USAGE, "There is no option %s here; --help shows how to call this",
			text_printable(arena, bytes_of(word, length), 64));
}

static bool missing(const struct argument_rule *rule, const char *why, const char *whose,
		    struct err *err)
{
	return err_fail(err, E_USAGE, "%s%s%s is missing%s%s; --help shows how to call this",
			rule->name, rule->value ? " " : "", rule->value ? rule->value : "", why,
			whose);
}

static bool complete(const struct arguments *arguments, struct err *err)
{
	for (size_t i = 0; i < arguments->rule_count; i++) {
		const struct argument_rule *rule = &arguments->rules[i];
		if (taken(arguments, i))
			continue;
		if (rule->group == 0)
			return missing(rule, "", "", err);
		for (size_t j = 0; j < arguments->rule_count; j++) {
			if (arguments->rules[j].group == rule->group && taken(arguments, j))
				return missing(rule, ", it goes with ", arguments->rules[j].name,
					       err);
		}
	}
	return true;
}

bool arguments_read(struct arena *arena, const char *synopsis, const char *more,
		    const char *const *argv, size_t count, struct arguments *out, struct err *err)
{
	struct arguments *read = arena_alloc(arena, sizeof(*read));
	struct reader reader = {.arena = arena};
	bool only_operands = false;
	size_t used;

	add_rules(&reader, synopsis, read);
	add_rules(&reader, more, read);
	read->given = arena_array(arena, ARGUMENTS_VALUES_MAX, sizeof(*read->given));
	for (size_t i = 0; i < count; i += used) {
		bool option = !only_operands && argv[i][0] == '-' && argv[i][1] != '\0';
		used = 1;
		if (option && strcmp(argv[i], "--") == 0)
			only_operands = true;
		else if (!(option ? give_option(arena, read, argv[i],
						i + 1 < count ? argv[i + 1] : NULL, &used, err)
				  : give_operand(arena, read, argv[i], err)))
			return false;
	}
	*out = *read;
	/* Who asks for help may leave out everything. */
	return (more[0] && arguments_has(out, "--help")) || complete(out, err);
}

/* ---- asking ---- */

static size_t rule_of(const struct arguments *arguments, const char *name)
{
	for (size_t i = 0; i < arguments->rule_count; i++) {
		if (strcmp(arguments->rules[i].name, name) == 0)
			return i;
	}
	defect("the synopsis has no such word", name);
	return 0;
}

const char *arguments_find(const struct arguments *arguments, const char *name)
{
	size_t rule = rule_of(arguments, name);

	for (size_t i = 0; i < arguments->given_count; i++) {
		if (arguments->given[i].rule == rule)
			return arguments->given[i].value;
	}
	return NULL;
}

bool arguments_has(const struct arguments *arguments, const char *name)
{
	return arguments_find(arguments, name) != NULL;
}

const char *const *arguments_list(struct arena *arena, const struct arguments *arguments,
				  const char *name, size_t *count)
{
	size_t rule = rule_of(arguments, name);
	const char **out = arena_array(arena, arguments->given_count + 1, sizeof(*out));

	*count = 0;
	for (size_t i = 0; i < arguments->given_count; i++) {
		if (arguments->given[i].rule == rule)
			out[(*count)++] = arguments->given[i].value;
	}
	return out;
}

bool arguments_int(const struct arguments *arguments, const char *name, long long min,
		   long long max, long long otherwise, long long *out, struct err *err)
{
	const char *text = arguments_find(arguments, name);

	if (!text) {
		*out = otherwise;
		return true;
	}
	if (!text_int(text, min, max, out))
		return err_fail(err, E_USAGE, "%s must be a whole number from %lld to %lld", name,
				min, max);
	return true;
}
