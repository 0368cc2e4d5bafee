/* SPDX-License-Identifier: Apache-2.0 */
/* What can a hijacked service do with its database role? It walks the catalogue and writes wherever it
 * may; and it tries the ways around a grant. No gate opens; the owner, with the same statements, could. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct office office;
static struct session *service;
static struct session *owner;

/* ---- a past with a row in every table, and a present with closed gates ---- */

static struct doc *campaign_members(const char *act)
{
	struct doc *members = doc_object(office.arena);

	if (act)
		doc_set_text(members, "act", act);
	doc_set_text(members, "campaign", office.campaign);
	return members;
}

static void hold(void)
{
	struct doc *members = campaign_members(NULL);

	doc_set_text(members, "by", "p-manager");
	doc_set_text(members, "reason", "EXAMPLE");
	office_must(&office, "hold", members);
}

static void given_held_and_resumed(void)
{
	struct doc *resume = campaign_members("resume");

	hold();
	const struct doc *given = office_must(
		&office, "sign",
		office_answer(&office, "p-manager", "resumed", "campaign", office.campaign, NULL));
	doc_set_text(resume, "signature", doc_get_text(given, "signature"));
	office_must(&office, "open", resume);
	hold();
}

/* Rows of the service's own, as it writes them every day. */
static void given_rows_of_the_service(void)
{
	session_must(
		service,
		arena_printf(
			office.arena,
			"INSERT INTO campaign_end SELECT '%s', 'aborted', 'p-manager', 'EXAMPLE', id FROM event LIMIT 1; "
			"INSERT INTO release_withdrawal SELECT '%s', 'p-manager', 'EXAMPLE', id FROM event LIMIT 1; "
			"INSERT INTO device_access (device, token_sha256) VALUES ('unit-1', repeat('a', 64)); "
			"INSERT INTO device_seen (device, seen_at) VALUES ('unit-1', now()); "
			"INSERT INTO session VALUES (repeat('b', 64), 'p-qa', now() + '1 hour'); "
			"INSERT INTO idempotency VALUES ('p-qa', 'k', repeat('c', 64), 200, '{}'); "
			"INSERT INTO proof SELECT 'unit-1', repeat('0', 32), 1, sha256, '%s', 1, id "
			"FROM document, event LIMIT 1; "
			"INSERT INTO event_queue (event) VALUES (gen_random_uuid())",
			office.campaign, office.release, office.campaign));
}

static void given_a_past(void)
{
	office_given_trust(&office);
	office_given_people(&office);
	office_given_release(&office);
	office_given_tested(&office);
	office_given_approved(&office);
	office_given_campaign(&office);
	office_given_released(&office);
	office_given_started(&office);
	office_must(&office, "lease", office_lease_members(&office, "unit-1", 1, "install"));
	given_held_and_resumed();
	/* A challenge that nobody answered. */
	office_must(&office, "challenge",
		    office_challenge_members(&office, "p-manager", "resumed", "campaign",
					     office.campaign));
	given_rows_of_the_service();
}

/* Only the personal key is missing; and the release manager's word. */
static void given_closed_gates(void)
{
	office_given_release(&office);
	office_given_tested(&office);
	office_given_campaign(&office);
}

static int begin(void **state)
{
	(void)state;
	office_open(&office);
	service = session_new(office.database.service);
	owner = session_new(office.database.owner);
	given_sql_file(&office.database, "tests/db/walk.sql");
	session_must(owner, "SET search_path = public, walk; SET lock_timeout = '8s'");
	return 0;
}

static int end(void **state)
{
	(void)state;
	session_free(service);
	session_free(owner);
	office_close(&office);
	return 0;
}

/* ---- has anything opened ---- */

static const char counted[] =
	"SELECT concat_ws(' ', (SELECT count(*) FROM verdict), (SELECT count(*) FROM permit), "
	"(SELECT count(*) FROM lease), (SELECT count(*) FROM signature), (SELECT count(*) FROM person), "
	"(SELECT count(*) FROM role_grant), (SELECT count(*) FROM personal_key), "
	"(SELECT count(*) FROM device), (SELECT count(*) FROM release_seal), "
	"(SELECT count(*) FROM record), (SELECT count(*) FROM campaign_plan), "
	"(SELECT count(*) FROM campaign_open), (SELECT count(*) FROM campaign_hold_release), "
	"(SELECT count(*) FROM target), (SELECT count(*) FROM challenge), "
	"(SELECT count(*) FROM trust_document), (SELECT count(*) FROM directory_statement), "
	"(SELECT count(*) FROM ruleset), (SELECT count(*) FROM product), "
	"(SELECT count(*) FROM permit_live), "
	"(SELECT md5(string_agg(person || password, '' ORDER BY person)) FROM credential))";

static void expect_nothing_opened(const char *before, const char *after_what)
{
	const char *now = session_ask(owner, office.arena, counted);

	if (strcmp(before, now) != 0)
		fail_msg("after %s: %s became %s", after_what, before, now);
	if (office_gate_open(&office, "release", office.release) ||
	    office_gate_open(&office, "campaign", office.campaign))
		fail_msg("after %s a gate is open", after_what);
}

/* ---- the walk ---- */

static const char *const may_insert[] = {
	"artifact",	 "campaign",	"campaign_end",
	"campaign_hold", "deployment",	"device_access",
	"device_seen",	 "document",	"document_signature",
	"event",	 "event_queue", "idempotency",
	"proof",	 "release",	"release_withdrawal",
	"session",	 "stream",	NULL,
};
static const char *const may_update[] = {
	"deployment", "device_access", "device_seen", "idempotency", "session", "stream", NULL,
};
static const char *const may_delete[] = {"idempotency", "session", NULL};
static const char *const may_nothing[] = {NULL};

/* What cannot be made from the catalogue alone. */
static const char *const by_hand[][2] = {
	{"document",
	 "INSERT INTO document (sha256, type, bytes) SELECT encode(sha256(b), 'hex'), "
	 "'countersign.verdict.v1', b FROM convert_to('{\"open\":true,\"n\":\"' || random() || "
	 "'\"}', 'UTF8') b"},
	{"campaign_hold",
	 "INSERT INTO campaign_hold SELECT campaign, max(number) + 1, 'p-qa', 'EXAMPLE', "
	 "min(event::text)::uuid FROM campaign_hold GROUP BY campaign LIMIT 1"},
	{"campaign_hold_release",
	 "INSERT INTO campaign_hold_release SELECT h.campaign, h.number, r.signature, r.event "
	 "FROM campaign_hold h, campaign_hold_release r WHERE NOT EXISTS (SELECT FROM "
	 "campaign_hold_release o WHERE o.campaign = h.campaign AND o.number = h.number) LIMIT 1"},
	{"event_queue", "INSERT INTO event_queue (event) SELECT event FROM sealed LIMIT 1"},
	{"deployment",
	 "INSERT INTO deployment (campaign, device, action_id) SELECT c.id, 'unit-3', "
	 "1000 + (random() * 1000000)::integer FROM campaign c WHERE NOT EXISTS (SELECT FROM "
	 "deployment d WHERE d.campaign = c.id AND d.device = 'unit-3') LIMIT 1"},
};

static bool listed(const char *const *list, const char *name)
{
	for (; *list; list++) {
		if (strcmp(*list, name) == 0)
			return true;
	}
	return false;
}

static const char *fresh_insert(const char *table)
{
	for (size_t i = 0; i < sizeof(by_hand) / sizeof(by_hand[0]); i++) {
		if (strcmp(by_hand[i][0], table) == 0)
			return by_hand[i][1];
	}
	return session_ask(owner, office.arena,
			   arena_printf(office.arena, "SELECT walk.insert_of('%s', true)", table));
}

struct walk {
	const char *before;
	size_t tried;
	size_t written;
	size_t controls; /* that the owner could do it */
	size_t wrong;
};

/* What the owner may and the service may not differs by the grant alone. */
static void control(struct walk *walk, const char *sql)
{
	session_must(owner, "BEGIN");
	const char *state = session_try(owner, sql);
	if (strcmp(state, "42501") == 0) {
		walk->wrong++;
		print_error("# the owner was refused: %s\n", sql);
	}
	bool done = !*state;
	/* Our triggers, keys and views may stand in the owner's way; nothing else. */
	if (!done && strcmp(state, "P0001") != 0 && strncmp(state, "23", 2) != 0 &&
	    strcmp(state, "55000") != 0 && strcmp(state, "42809") != 0) {
		walk->wrong++;
		print_error("# %s: %s\n", sql, session_why(owner));
	}
	walk->controls += done;
	session_must(owner, "ROLLBACK");
}

static void attempt(struct walk *walk, const char *table, const char *sql, const char *const *may)
{
	const char *state = session_try(service, sql);
	bool refused = strcmp(state, "42501") == 0 || strcmp(state, "55000") == 0 ||
		       strcmp(state, "42809") == 0;

	walk->tried++;
	if (refused == listed(may, table)) {
		walk->wrong++;
		print_error("# %s: '%s' %s\n", sql, state, session_why(service));
	}
	if (!*state) {
		walk->written++;
		expect_nothing_opened(walk->before, sql);
	}
}

static void walk_table(struct walk *walk, const char *table)
{
	struct arena *arena = office.arena;
	size_t count;
	const char *exact = session_ask(
		owner, arena, arena_printf(arena, "SELECT walk.insert_of('%s', false)", table));
	const char *fresh = fresh_insert(table);
	const char *truncate = arena_printf(arena, "TRUNCATE %s CASCADE", table);
	const char *delete = arena_printf(arena, "DELETE FROM %s", table);
	const char *const *updates = session_column(
		owner, arena, arena_printf(arena, "SELECT walk.updates_of('%s')", table), &count);

	control(walk, fresh);
	control(walk, delete);
	control(walk, truncate);
	attempt(walk, table, exact, may_insert);
	attempt(walk, table, fresh, may_insert);
	for (size_t i = 0; i < count; i++) {
		control(walk, updates[i]);
		attempt(walk, table, updates[i], may_update);
	}
	attempt(walk, table, delete, may_delete);
	attempt(walk, table, truncate, may_nothing);
}

static void test_gates__open_with_the_personal_key(void **state)
{
	(void)state;
	given_a_past();
	/* The walk looks for open gates: it would see one. */
	office_given_release(&office);
	office_given_tested(&office);
	assert_false(office_gate_open(&office, "release", office.release));
	office_given_approved(&office);
	assert_true(office_gate_open(&office, "release", office.release));
}

static void test_tables__can_be_written_without_opening_a_gate(void **state)
{
	(void)state;
	struct walk walk = {0};
	size_t count;

	given_closed_gates();
	ledger_settled(&office);
	office_settled(&office);
	const char *const *tables =
		session_column(owner, office.arena, "SELECT walk.relations()", &count);
	walk.before = session_ask(owner, office.arena, counted);
	for (size_t i = 0; i < count; i++)
		walk_table(&walk, tables[i]);
	print_message("# %zu relations, %zu statements, %zu written, %zu controls done\n", count,
		      walk.tried, walk.written, walk.controls);
	assert_int_equal(walk.wrong, 0);
	assert_true(count >= 46);
	assert_true(walk.written >= 17 + 6);
}

/* The rows that would matter most, one by one: the owner's session makes them. */
static void test_tables__that_open_can_be_written_by_the_owner(void **state)
{
	(void)state;
	static const char *const opening[] = {
		"verdict",
		"permit",
		"signature",
		"person",
		"role_grant",
		"personal_key",
		"device",
		"record",
		"campaign_plan",
		"challenge",
		"trust_document",
		"directory_statement",
		"ruleset",
		"product",
		"sealed_stream",
		"checkpoint",
		"gate_epoch",
		"target",
		"campaign_hold_release",
	};

	for (size_t i = 0; i < sizeof(opening) / sizeof(opening[0]); i++) {
		const char *sql = fresh_insert(opening[i]);
		session_refused(service, sql, "42501");
		session_must(owner, "BEGIN");
		session_must(owner, sql);
		session_must(owner, "ROLLBACK");
	}
}

/* ---- around the grants ---- */

/* As the service; owner: what the owner gets, NULL: not tried. "" is done. */
static const struct trick {
	const char *sql;
	const char *service;
	const char *owner;
} tricks[] = {
	/* Making, changing and giving. */
	{"CREATE TABLE public.x (a int)", "42501", ""},
	{"CREATE SCHEMA evil", "42501", NULL},
	{"ALTER TABLE verdict DISABLE TRIGGER USER", "42501", ""},
	{"ALTER TABLE lease DISABLE TRIGGER lease_guard", "42501", ""},
	{"DROP TRIGGER deployment_guard ON deployment", "42501", ""},
	{"ALTER TABLE deployment DISABLE TRIGGER deployment_guard", "42501", ""},
	{"CREATE TRIGGER mine BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse_change()",
	 "42501", ""},
	{"CREATE RULE mine AS ON INSERT TO campaign_hold DO INSTEAD NOTHING", "42501", ""},
	{"CREATE OR REPLACE FUNCTION gate_epoch_raise(which uuid) RETURNS void LANGUAGE sql AS ''",
	 "42501", NULL},
	{"ALTER FUNCTION gate_epoch_raise(uuid) SECURITY INVOKER", "42501", ""},
	{"CREATE OR REPLACE VIEW permit_live AS SELECT * FROM permit", "42501", ""},
	{"DROP TABLE verdict CASCADE", "42501", ""},
	{"ALTER TABLE verdict OWNER TO countersign_service", "42501", NULL},
	{"GRANT countersign_keeper TO countersign_service", "42501", "42501"},
	{"ALTER TABLE verdict ADD COLUMN mine text", "42501", ""},
	{"CREATE INDEX mine ON campaign_hold (held_by)", "42501", ""},
	{"CREATE POLICY mine ON stream USING (true)", "42501", ""},
	{"COMMENT ON TABLE verdict IS 'mine'", "42501", ""},
	{"CREATE PUBLICATION mine FOR ALL TABLES", "42501", "42501"},
	{"CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION refuse_change()", "42501",
	 "42501"},
	/* Being somebody else. */
	{"SET ROLE countersign_keeper", "42501", "42501"},
	{"SET ROLE countersign_owner", "42501", ""},
	{"SET SESSION AUTHORIZATION countersign_keeper", "42501", "42501"},
	{"SET session_replication_role = replica", "42501", "42501"},
	{"SELECT set_config('session_replication_role', 'replica', false)", "42501", "42501"},
	{"ALTER ROLE countersign_service SUPERUSER", "42501", "42501"},
	{"ALTER ROLE countersign_keeper PASSWORD 'x'", "42501", "42501"},
	{"CREATE ROLE mine", "42501", "42501"},
	{"ALTER SYSTEM SET fsync = off", "42501", NULL},
	{"REASSIGN OWNED BY countersign_owner TO countersign_service", "42501", NULL},
	{"ALTER DEFAULT PRIVILEGES FOR ROLE countersign_owner GRANT ALL ON TABLES TO PUBLIC",
	 "42501", ""},
	{"CREATE EXTENSION dblink", "42501", NULL},
	{"CREATE SERVER mine FOREIGN DATA WRAPPER nothing", "42704", NULL},
	/* Reading what is secret. */
	{"SELECT password FROM credential", "42501", ""},
	{"SELECT id FROM challenge", "42501", ""},
	{"SELECT rolpassword FROM pg_authid", "42501", "42501"},
	{"SELECT passwd FROM pg_shadow", "42501", "42501"},
	{"SELECT pg_read_file('/etc/passwd')", "42501", "42501"},
	{"SELECT pg_ls_dir('.')", "42501", "42501"},
	{"SELECT lo_import('/etc/passwd')", "42501", "42501"},
	{"COPY verdict TO '/tmp/verdict'", "42501", "42501"},
	{"COPY session FROM PROGRAM 'id'", "42501", "42501"},
	{"COPY verdict FROM STDIN", "42501", NULL},
	{"SELECT stavalues1 FROM pg_statistic", "42501", "42501"},
	/* Locks and writes by other words. */
	{"SELECT 1 FROM verdict FOR UPDATE", "42501", ""},
	{"SELECT 1 FROM ledger_head FOR SHARE", "42501", ""},
	{"BEGIN; LOCK TABLE verdict IN EXCLUSIVE MODE", "42501", ""},
	{"BEGIN; LOCK TABLE sealed IN ROW EXCLUSIVE MODE", "42501", ""},
	{"MERGE INTO verdict v USING verdict o ON false WHEN NOT MATCHED THEN INSERT (sha256) VALUES "
	 "('x')",
	 "42501", NULL},
	{"MERGE INTO gate_epoch g USING verdict v ON g.subject = v.subject WHEN MATCHED THEN "
	 "UPDATE SET epoch = v.epoch",
	 "42501", NULL},
	{"WITH x AS (UPDATE gate_epoch SET epoch = 0 RETURNING *) SELECT * FROM x", "42501", ""},
	{"WITH x AS (DELETE FROM event_queue RETURNING *) SELECT * FROM x", "42501", ""},
	{"INSERT INTO gate_epoch SELECT id, 0 FROM release LIMIT 1 ON CONFLICT (subject) DO UPDATE "
	 "SET epoch = 0",
	 "42501", ""},
	{"SELECT ledger_advance(0, 1, '', sha256(''))", "42501", NULL},
	{"SELECT make_append_only('session')", "42501", ""},
	{"SELECT setval('event_queue_id_seq', 1)", "42501", ""},
	{"SELECT nextval('role_grant_id_seq')", "42501", ""},
	{"DO $$ BEGIN UPDATE ledger_head SET size = 0; END $$", "42501", ""},
	{"PREPARE mine AS UPDATE verdict SET open = true; EXECUTE mine", "42501", "P0001"},
	{"DECLARE mine CURSOR WITH HOLD FOR SELECT * FROM credential", "42501", ""},
	{"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'countersign_keeper'",
	 "42501", NULL},
	{"SELECT pg_reload_conf()", "42501", "42501"},
	{"SELECT pg_export_snapshot(), pg_switch_wal()", "42501", "42501"},
	/* Allowed, and of no use. */
	{"GRANT ALL ON verdict TO countersign_service", "",
	 NULL}, /* a warning: nothing was granted */
	{"LISTEN keeper; NOTIFY keeper, 'open'", "", ""},
	{"SELECT lo_create(0)", "", ""},
	{"SELECT lo_from_bytea(0, 'x')", "", ""},
	{"SELECT set_config('search_path', 'pg_temp, public', false)", "", ""},
	{"SET row_security = off", "", ""},
	{"SELECT gate_epoch_raise(id) FROM release", "", ""},
	{"SELECT gate_epoch_raise(id) FROM campaign", "", ""},
	{"CREATE TEMP TABLE verdict AS TABLE public.verdict; UPDATE verdict SET open = true", "",
	 NULL},
	{"CREATE TEMP TABLE gate_epoch AS TABLE public.gate_epoch", "", NULL},
	{"CREATE TEMP VIEW permit_live AS SELECT * FROM public.permit", "", NULL},
	{"CREATE FUNCTION pg_temp.gate_epoch_raise(uuid) RETURNS void LANGUAGE sql AS ''", "",
	 NULL},
};

static size_t try_trick(struct session *session, const char *who, const char *sql,
			const char *expected)
{
	const char *state = session_try(session, sql);

	if (strcmp(state, expected) == 0)
		return 0;
	print_error("# %s: %s: expected '%s', got '%s': %s\n", who, sql, expected, state,
		    session_why(session));
	return 1;
}

static void test_tricks__open_no_gate(void **state)
{
	(void)state;
	size_t wrong = 0;

	for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
		const struct trick *trick = &tricks[i];
		struct session *fresh = session_new(office.database.service);
		const char *before = session_ask(owner, office.arena, counted);
		wrong += try_trick(fresh, "service", trick->sql, trick->service);
		session_free(fresh);
		if (!*trick->service)
			expect_nothing_opened(before, trick->sql);
		if (!trick->owner)
			continue;
		session_must(owner, "BEGIN");
		wrong += try_trick(owner, "owner", trick->sql, trick->owner);
		session_must(owner, "ROLLBACK; RESET ALL; SET search_path = public, walk; "
				    "SET lock_timeout = '8s'");
	}
	assert_int_equal(wrong, 0);
	session_refused(service, "INSERT INTO verdict SELECT * FROM verdict LIMIT 1", "42501");
}

/* A trigger that looks for the live permit must find ours, not a temporary one of the session. */
static void test_guard__does_not_look_at_temporary_tables(void **state)
{
	(void)state;
	struct session *fresh = session_new(office.database.service);
	const char *offer =
		arena_printf(office.arena,
			     "UPDATE public.deployment SET state = 'offered', attempt = 1 "
			     "WHERE campaign = '%s'",
			     office.campaign);
	const char *shadow = arena_printf(
		office.arena, "CREATE TEMP TABLE permit_live AS SELECT '%s'::uuid AS campaign",
		office.campaign);

	session_must(fresh,
		     arena_printf(office.arena,
				  "INSERT INTO deployment (campaign, device, action_id) VALUES "
				  "('%s', 'unit-2', 7000) ON CONFLICT DO NOTHING",
				  office.campaign));
	session_refused(fresh, offer, "P0001");
	session_must(fresh, shadow);
	session_refused(fresh, offer, "P0001");
	session_must(fresh, "SET search_path = pg_temp, public");
	session_refused(fresh, offer, "P0001");
	session_must(fresh, "SET search_path = pg_catalog");
	session_refused(fresh, offer, "P0001");
	/* Nor does a session without our schema in its path place a hold that raises nothing. */
	const char *epoch = arena_printf(office.arena,
					 "SELECT coalesce((SELECT epoch FROM gate_epoch "
					 "WHERE subject = '%s'), 0)",
					 office.campaign);
	int64_t before = session_count(owner, epoch);
	session_must(fresh, arena_printf(office.arena,
					 "INSERT INTO public.campaign_hold SELECT '%s', 1, 'p-qa', "
					 "'EXAMPLE', id FROM public.event LIMIT 1",
					 office.campaign));
	assert_int_equal(session_count(owner, epoch), before + 1);
	session_free(fresh);
}

/* Numbers out of order could keep an operator from holding. */
static void test_holds__are_numbered_one_after_the_other(void **state)
{
	(void)state;
	session_refused(service,
			arena_printf(office.arena,
				     "INSERT INTO campaign_hold SELECT '%s', 2147483647, 'p-qa', "
				     "'EXAMPLE', id FROM event LIMIT 1",
				     office.campaign),
			"P0001");
	hold();
}

/* And after all that, whose key counts still opens what it is for. */
static void test_gates__still_open_with_the_personal_key(void **state)
{
	(void)state;
	office_given_release(&office);
	office_given_tested(&office);
	office_given_approved(&office);
	assert_true(office_gate_open(&office, "release", office.release));
	office_given_campaign(&office);
	office_given_released(&office);
	office_given_started(&office);
	office_must(&office, "lease", office_lease_members(&office, "unit-2", 1, "install"));
	ledger_must_hold(&office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gates__open_with_the_personal_key),
		cmocka_unit_test(test_tables__can_be_written_without_opening_a_gate),
		cmocka_unit_test(test_tables__that_open_can_be_written_by_the_owner),
		cmocka_unit_test(test_tricks__open_no_gate),
		cmocka_unit_test(test_guard__does_not_look_at_temporary_tables),
		cmocka_unit_test(test_holds__are_numbered_one_after_the_other),
		cmocka_unit_test(test_gates__still_open_with_the_personal_key),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
