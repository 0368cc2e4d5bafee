/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which git objects belong to a commit that the ledger names? They are copied as they lie in the
 * repository, which the keeper fills with loose objects; what is packed counts as missing here.
 */

#include "service/model/export_internal.h"

#include "audit/git.h"
#include "common/file.h"

#include <string.h>

enum { OBJECT_BYTES = 64 * 1024 * 1024, TREES_DEEP = 8 };

/* *object->kind is NULL when it is missing. In an arena of its own: trees nest. */
static bool copy_object(struct exporting *exporting, struct arena *arena, const char *id,
			struct gitfile *object, struct err *err)
{
	const char *path = package_object_path(arena, id);
	struct err damaged = {0};
	struct bytes file;
	bool found = false;

	*object = (struct gitfile){0};
	if (exporting->place->git &&
	    !file_find(arena,
		       arena_printf(arena, "%s/objects/%.2s/%s", exporting->place->git, id, id + 2),
		       GITFILE_MAX, &found, &file, err))
		return false;
	if (!found)
		return package_miss(exporting->writer, path, err);
	if (!gitfile_read(arena, file, object, &damaged))
		*object = (struct gitfile){0};
	/* A damaged one is exported as it is, for the verifier to find. */
	return package_add(exporting->writer, path, file, err);
}

static bool copy_tree(struct exporting *exporting, const char *id, int depth, struct err *err);

static bool copy_entries(struct exporting *exporting, struct arena *arena, struct bytes content,
			 int depth, struct err *err)
{
	const struct gitfile_entry *entries;
	struct err damaged = {0};
	struct gitfile unused;
	size_t count;

	if (!gitfile_tree(arena, content, &entries, &count, &damaged))
		return true;
	for (size_t i = 0; i < count; i++) {
		const char *id = entries[i].id.text;
		if (package_has(exporting->writer, package_object_path(arena, id)))
			continue;
		if (entries[i].folder ? !copy_tree(exporting, id, depth + 1, err)
				      : !copy_object(exporting, arena, id, &unused, err))
			return false;
	}
	return true;
}

/* A tree that is there already is there with all it holds. */
static bool copy_tree(struct exporting *exporting, const char *id, int depth, struct err *err)
{
	struct arena *arena = arena_new(OBJECT_BYTES);
	struct gitfile tree;
	bool copied = true;

	if (depth < TREES_DEEP && !package_has(exporting->writer, package_object_path(arena, id)))
		copied = copy_object(exporting, arena, id, &tree, err) &&
			 (!tree.kind || strcmp(tree.kind, "tree") != 0 ||
			  copy_entries(exporting, arena, tree.content, depth, err));
	arena_free(arena);
	return copied;
}

bool export_commit(struct exporting *exporting, const char *ref, const char *id, struct err *err)
{
	struct gitfile_commit commit;
	struct gitfile object;
	struct err damaged = {0};

	if (!gitfile_id_valid(id))
		return true; /* the verifier will say so */
	names_put(exporting->refs, ref, arena_text(exporting->whole, id));
	if (package_has(exporting->writer, package_object_path(exporting->one, id)))
		return true;
	if (!copy_object(exporting, exporting->one, id, &object, err))
		return false;
	if (!object.kind || strcmp(object.kind, "commit") != 0 ||
	    !gitfile_commit(exporting->one, object.content, &commit, &damaged))
		return true;
	return copy_tree(exporting, commit.tree.text, 0, err);
}

/* So that `git --git-dir=content/git log` works on the package. */
bool export_refs(struct exporting *exporting, struct err *err)
{
	size_t count = names_count(exporting->refs);

	for (size_t i = 0; i < count; i++) {
		void *id;
		const char *ref = names_at(exporting->refs, i, &id);
		const char *path = arena_printf(exporting->one, "content/git/%s", ref);
		if (!package_path_valid(path))
			continue;
		if (!package_add(
			    exporting->writer, path,
			    bytes_of_text(arena_printf(exporting->one, "%s\n", (const char *)id)),
			    err))
			return false;
	}
	return count == 0 || package_add(exporting->writer, "content/git/HEAD",
					 bytes_of_text("ref: refs/heads/policy\n"), err);
}
