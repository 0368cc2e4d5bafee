/* SPDX-License-Identifier: Apache-2.0 */
/* Where do the exact bytes of a document lie? For everybody who names one by its digest. */

#include "service/model/document.h"

#include <string.h>

struct store_work {
	struct sha256_hex sha256;
	const char *type;
	struct bytes bytes;
};

static bool store_work(struct db_tx *tx, void *context, struct err *err)
{
	const struct store_work *work = context;

	return db_run(tx, STMT_DOCUMENT_PUT,
		      DB(db_text(work->sha256.text), db_text(work->type), db_bytes(work->bytes)),
		      NULL, err);
}

bool document_store(struct model *model, const struct act *act, const char *type,
		    struct bytes document, struct sha256_hex *out, struct err *err)
{
	struct store_work work = {
		.sha256 = digest_sha256_hex(document), .type = type, .bytes = document};

	if (!db_transact(model->pool, act->arena, DB_READ_COMMITTED, store_work, &work, err))
		return false;
	*out = work.sha256;
	return true;
}

bool document_put(struct model *model, const struct act *act, struct bytes document,
		  struct sha256_hex *sha256, const char **type, struct err *err)
{
	static const char ours[] = "countersign.";
	const struct doc *doc;
	const char *word;

	if (document.size > DOCUMENT_BYTES_MAX)
		return err_fail(err, E_DOC_LIMIT, "A document has at most 4 MiB");
	if (!doc_parse(act->arena, document, &doc, err))
		return false;
	word = doc_get_text(doc, "type");
	if (!word || strlen(word) > DOCUMENT_TYPE_MAX || !id_name_valid(word, DOCUMENT_TYPE_MAX) ||
	    strncmp(word, ours, sizeof(ours) - 1) != 0)
		return err_fail(err, E_DOC_TYPE,
				"A document is an object with a type of ours, such "
				"as countersign.ruleset.v1");
	if (!doc_parse_signed(act->arena, document, word, &doc, err) ||
	    !document_store(model, act, word, document, sha256, err))
		return false;
	*type = word;
	return true;
}

struct get_work {
	const char *sha256;
	const char *type;
	bool found;
	struct bytes bytes;
};

static bool get_work(struct db_tx *tx, void *context, struct err *err)
{
	struct get_work *work = context;
	struct db_row row;

	if (!db_opt(tx, STMT_DOCUMENT_ANY, DB(db_text(work->sha256)), &work->found, &row, err))
		return false;
	if (!work->found)
		return true;
	work->found = !work->type || strcmp(db_get_text(&row, "type"), work->type) == 0;
	work->bytes = db_get_bytes(&row, "bytes");
	return true;
}

bool document_get(struct model *model, struct arena *arena, const char *sha256, const char *type,
		  struct bytes *out, struct err *err)
{
	struct get_work work = {.sha256 = sha256, .type = type};

	if (!id_sha256_valid(sha256))
		return err_fail(err, E_ID, "a document is named by 64 lower-case hex digits");
	if (!db_transact(model->pool, arena, DB_READ_COMMITTED, get_work, &work, err))
		return false;
	if (!work.found)
		return err_fail(err, E_DOC_MISSING, NULL);
	if (strcmp(digest_sha256_hex(work.bytes).text, sha256) != 0)
		return err_fail(err, E_SIGNATURE, "the stored document was changed");
	*out = work.bytes;
	return true;
}
