/* SPDX-License-Identifier: Apache-2.0 */
/* Does every row of the route table say who may and what it records, do table and docs/api.md agree,
 * and does no address take a body that means it harm? */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/installation.h"

#include "audit/event.h"
#include "common/file.h"
#include "service/access.h"
#include "service/routes.h"
#include "tests/support/http.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 16 * 1024, MANY = 10 * 1024 * 1024, DEEP = 10000, ROWS_MAX = 200 };

static struct installation in;
static const char *const methods[] = {"GET", "PUT", "POST", "DELETE"};

/* ---- the table by itself ---- */

static bool changes(const struct route *route)
{
	return route->method != WEB_GET;
}

static void test_rows__say_who_may(void **state)
{
	(void)state;
	char words[128];

	for (size_t i = 0; i < service_route_count; i++) {
		access_words(service_routes[i].permission, words, sizeof(words));
		if (!words[0] || strcmp(words, "nobody") == 0)
			fail_msg("%s has no permission", service_routes[i].pattern);
	}
}

/* What changes without an event, by name: a new one is thought about. */
static void test_rows__that_change_name_their_event(void **state)
{
	(void)state;
	static const char *const without[] = {"/v1/sessions/current", "/v1/documents",
					      "/{tenant}/controller/v1/{id}/configData"};
	enum event_kind kind;
	size_t found = 0;

	for (size_t i = 0; i < service_route_count; i++) {
		const struct route *route = &service_routes[i];
		if (!route->event) {
			if (changes(route))
				fail_msg("%s changes and names no event", route->pattern);
			continue;
		}
		if (strcmp(route->event, ROUTE_NO_EVENT) != 0) {
			if (!event_kind_find(route->event, &kind))
				fail_msg("%s names the event %s, which events.def does not have",
					 route->pattern, route->event);
			continue;
		}
		found++;
		bool known = false;
		for (size_t w = 0; w < sizeof(without) / sizeof(without[0]); w++)
			known = known || strcmp(without[w], route->pattern) == 0;
		if (!known)
			fail_msg("%s changes without an event", route->pattern);
	}
	assert_int_equal(found, sizeof(without) / sizeof(without[0]));
}

/* ---- table and document ---- */

struct described {
	char method[8];
	char path[200];
	char who[80];
	bool met;
};

/* "| `POST /v1/x` | author | ...": false if the line is no such row. */
static bool read_row(const char *line, struct described *out)
{
	char path[160];

	*out = (struct described){0};
	int read = sscanf(line, "| `%7[A-Z] %159[^`]` | %79[^|]", out->method, path, out->who);
	if (read < 2)
		return false;
	bool device = strncmp(path, "base", 4) == 0;
	snprintf(out->path, sizeof(out->path), "%s%s", device ? "/{tenant}/controller/v1/{id}" : "",
		 device ? path + 4 : path);
	if (device)
		snprintf(out->who, sizeof(out->who), "device");
	size_t length = strlen(out->who);
	while (length > 0 && out->who[length - 1] == ' ')
		out->who[--length] = '\0';
	return true;
}

static size_t read_rows(struct described *rows)
{
	struct arena *arena = arena_new(1024 * 1024);
	struct err err = {0};
	struct bytes file;
	size_t count = 0;

	assert_true(file_read(arena, "docs/api.md", 256 * 1024, &file, &err));
	char *text = arena_text_of(arena, file);
	for (char *line = text; line && count < ROWS_MAX;) {
		char *next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		count += read_row(line, &rows[count]);
		line = next;
	}
	arena_free(arena);
	return count;
}

/* The same roles, in whatever order. */
static bool same_words(const char *left, const char *right)
{
	size_t words = 0;

	if (strlen(left) != strlen(right))
		return false;
	for (const char *at = left; *at; words++) {
		size_t length = strcspn(at, ", ");
		char word[80];
		snprintf(word, sizeof(word), "%.*s", (int)length, at);
		if (!strstr(right, word))
			return false;
		at += length;
		at += strspn(at, ", ");
	}
	return words > 0;
}

static void test_rows__stand_in_the_document_and_the_other_way_round(void **state)
{
	(void)state;
	static struct described rows[ROWS_MAX];
	size_t count = read_rows(rows);
	size_t missing = 0;

	for (size_t i = 0; i < service_route_count; i++) {
		const struct route *route = &service_routes[i];
		bool found = false;
		char words[128];
		access_words(route->permission, words, sizeof(words));
		for (size_t r = 0; r < count; r++) {
			if (strcmp(rows[r].method, methods[route->method]) != 0 ||
			    strcmp(rows[r].path, route->pattern) != 0)
				continue;
			found = rows[r].met = true;
			if (!same_words(rows[r].who, words))
				fail_msg("%s %s is for %s, docs/api.md says %s",
					 methods[route->method], route->pattern, words,
					 rows[r].who);
		}
		if (!found) {
			print_message("# docs/api.md lacks %s %s\n", methods[route->method],
				      route->pattern);
			missing++;
		}
	}
	for (size_t r = 0; r < count; r++) {
		if (!rows[r].met) {
			print_message("# routes.c lacks %s %s\n", rows[r].method, rows[r].path);
			missing++;
		}
	}
	assert_int_equal(missing, 0);
}

static void test_read_row__control_that_rows_are_found(void **state)
{
	(void)state;
	struct described row;

	assert_true(read_row("| `POST /v1/x/{y}` | qa, author | `{}` → `{}` |", &row));
	assert_string_equal(row.method, "POST");
	assert_string_equal(row.path, "/v1/x/{y}");
	assert_string_equal(row.who, "qa, author");
	assert_true(read_row("| `GET base/proof` | 200 |", &row));
	assert_string_equal(row.path, "/{tenant}/controller/v1/{id}/proof");
	assert_false(read_row("| method and path | who |", &row));
	assert_true(same_words("qa, author", "author, qa"));
	assert_false(same_words("qa, author", "author, qb"));
}

/* ---- hostile bodies ---- */

struct hostile {
	const char *what;
	struct bytes body;
	const char *type;
};
enum { HOSTILE = 10 };
static struct hostile hostile[HOSTILE];
static const char *device_token;
static const char *campaign;

static struct bytes repeated(char byte, size_t count)
{
	char *text = arena_alloc(in.arena, count);

	memset(text, byte, count);
	return bytes_of(text, count);
}

static void make_hostile(void)
{
	static const char json[] = "application/json";
	static const char nul[] = "{\"reason\":\"a\0b\",\"person\":\"a\0b\"}";
	static const struct hostile some[] = {
		{"wrong types",
		 {(const unsigned char
			   *)"{\"person\":1,\"password\":[],\"token\":{},\"document\":5,"
			     "\"cms\":\"x\",\"manifest\":false,\"author_cms\":null,"
			     "\"reason\":7,\"meaning\":[],\"object\":\"x\","
			     "\"challenge\":0,\"name\":{},\"release\":1,"
			     "\"devices\":\"all\",\"signature\":[],\"scope\":9,"
			     "\"certificate\":1,\"nonce\":[],\"status\":[],\"data\":3}",
		  0},
		 json},
		{"ten million brackets", {NULL, 0}, json},
		{"NUL", {(const unsigned char *)nul, sizeof(nul) - 1}, json},
		{"not UTF-8",
		 {(const unsigned char *)"{\"reason\":\"\xff\xfe\xc0\x80\"}", 0},
		 json},
		{"unknown members",
		 {(const unsigned char *)"{\"reason\":\"EXAMPLE\",\"nobody-asked\":true}", 0},
		 json},
		{"numbers",
		 {(const unsigned char *)"{\"reason\":1e400,\"not_before\":-9007199254740993,"
					 "\"attempt\":99999999999999999999999999}",
		  0},
		 json},
		{"nothing", {(const unsigned char *)"", 0}, json},
		{"depth", {NULL, 0}, json},
		{"another type", {(const unsigned char *)"reason=EXAMPLE", 0}, "text/plain"},
		{"cut", {(const unsigned char *)"{\"reason\":\"EXAMP", 0}, json},
	};

	memcpy(hostile, some, sizeof(hostile));
	for (int i = 0; i < HOSTILE; i++) {
		if (hostile[i].body.data && !hostile[i].body.size)
			hostile[i].body.size = strlen((const char *)hostile[i].body.data);
	}
	hostile[1].body = repeated('[', MANY);
	hostile[7].body = repeated('[', DEEP);
}

static const char *token_for(int permission)
{
	static const struct {
		int bit;
		enum installation_who who;
	} holders[] = {
		{PERM_AUTHOR, AUTHOR},		 {PERM_TESTER, TESTER},	  {PERM_QA, QA},
		{PERM_SUPPORT, SUPPORT},	 {PERM_AUDITOR, AUDITOR}, {PERM_ADMIN, ADA},
		{PERM_RELEASE_MANAGER, MANAGER},
	};

	for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++) {
		if (permission >= PERM_AUTHOR && (permission & holders[i].bit))
			return in.people[holders[i].who].token;
	}
	return in.people[QA].token;
}

static const char *authorization_for(const struct route *route)
{
	if (route->permission == PERM_PUBLIC)
		return "";
	if (route->permission == PERM_DEVICE_SELF)
		return arena_printf(in.arena, "Authorization: TargetToken %s\r\n", device_token);
	return arena_printf(in.arena, "Authorization: Bearer %s\r\n", token_for(route->permission));
}

/* The pattern with things that exist in its braces. */
static const char *address_of(const char *pattern)
{
	const struct {
		const char *param, *value;
	} values[] = {
		{"{release}", in.release},
		{"{campaign}", campaign},
		{"{device}", "unit-1"},
		{"{id}", "unit-1"},
		{"{tenant}", "DEFAULT"},
		{"{action}", "11"},
		{"{sha256}", digest_sha256_hex(bytes_of_text("EXAMPLE")).text},
	};
	char *out = arena_alloc(in.arena, 1024);
	size_t used = 0;

	while (*pattern) {
		bool replaced = false;
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]) && *pattern == '{'; i++) {
			size_t length = strlen(values[i].param);
			if (strncmp(pattern, values[i].param, length) != 0)
				continue;
			used += (size_t)snprintf(out + used, 1024 - used, "%s", values[i].value);
			pattern += length;
			replaced = true;
			break;
		}
		if (!replaced)
			out[used++] = *pattern++;
	}
	return out;
}

static struct http_answer send_body(const struct route *route, const struct hostile *body)
{
	int socket = http_connect(in.port);
	const char *head = arena_printf(
		in.arena,
		"%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n%sContent-Length: %zu\r\n\r\n",
		methods[route->method], address_of(route->pattern), body->type,
		authorization_for(route), body->body.size);

	http_send_text(socket, head);
	/* The server may answer and close before it has read all of it. */
	http_send(socket, body->body.data, body->body.size);
	struct http_answer answer = http_read(socket, in.arena, false, NULL);
	close(socket);
	return answer;
}

static void expect_problem(const struct route *route, const struct hostile *body)
{
	struct http_answer answer = send_body(route, body);
	const struct doc *problem = NULL;
	struct err err = {0};

	/* 401 and 403 would mean that nobody looked at the body. */
	bool told = answer.status >= 400 && answer.status < 500 && answer.status != 401 &&
		    answer.status != 403 && doc_parse(in.arena, answer.body, &problem, &err) &&
		    doc_get_text(problem, "code") && doc_get_text(problem, "detail") &&
		    doc_get_text(problem, "request_id");
	if (!told)
		fail_msg("%s %s with %s: %d %.300s", methods[route->method], route->pattern,
			 body->what, answer.status,
			 answer.body.size ? arena_text_of(in.arena, answer.body) : "");
	const char *type = http_header(in.arena, &answer, "Content-Type");
	assert_non_null(type);
	assert_string_equal(type, "application/problem+json");
}

/* What devices of foreign makes send is read leniently: it may be taken, and must do no harm. */
static void expect_harmless(const struct route *route, const struct hostile *body)
{
	struct http_answer answer = send_body(route, body);

	if (answer.status < 200 || answer.status == 401 || answer.status == 403 ||
	    answer.status >= 500)
		fail_msg("%s %s with %s: %d", methods[route->method], route->pattern, body->what,
			 answer.status);
}

/* Rows of every table but those that only mark, and events but refusals of access. */
static const char *count_all(void)
{
	static const char sql[] =
		"SELECT string_agg(format('%s=%s', t.table_name, (xpath('/row/c/text()', "
		"query_to_xml(format('SELECT count(*) AS c FROM %I', t.table_name), false, true, '')))[1]::text), "
		"' ' ORDER BY t.table_name) || ' events=' || (SELECT count(*) FROM event WHERE kind NOT LIKE "
		"'access.%') FROM information_schema.tables t WHERE t.table_schema = 'public' AND "
		"t.table_type = 'BASE TABLE' AND t.table_name NOT IN ('session', 'event_queue', 'event', "
		"'sealed', 'stream', 'sealed_stream', 'checkpoint', 'idempotency', 'device_seen')";
	char *text = arena_alloc(in.arena, TEXT_BYTES);

	installation_settled(&in);
	read_sql(in.database.owner, sql, text, TEXT_BYTES);
	return text;
}

static void given_device_and_campaign(void)
{
	struct doc *access = doc_object(in.arena);
	struct doc *plan = doc_object(in.arena);
	struct doc *devices = doc_array(in.arena);

	doc_set_bool(access, "token", true);
	device_token = doc_get_text(installation_must(&in, in.people[SUPPORT].token, "POST",
						      "/v1/devices/unit-1/access", access),
				    "token");
	assert_non_null(device_token);
	doc_set_text(plan, "name", "EXAMPLE");
	doc_set_text(plan, "release", in.release);
	doc_add_text(devices, "unit-1");
	doc_set(plan, "devices", devices);
	campaign = doc_get_text(
		installation_must(&in, in.people[MANAGER].token, "POST", "/v1/campaigns", plan),
		"campaign");
	assert_non_null(campaign);
}

static void test_bodies__that_mean_harm_are_refused_and_change_nothing(void **state)
{
	(void)state;
	size_t tried = 0;

	given_device_and_campaign();
	make_hostile();
	const char *before = count_all();
	for (size_t i = 0; i < service_route_count; i++) {
		const struct route *route = &service_routes[i];
		if (route->body == WEB_BODY_NONE)
			continue;
		for (int h = 0; h < HOSTILE; h++) {
			if (route->body == WEB_BODY_FOREIGN)
				expect_harmless(route, &hostile[h]);
			else
				expect_problem(route, &hostile[h]);
			tried++;
		}
		const char *after = count_all();
		if (strcmp(before, after) != 0)
			fail_msg("%s changed something:\n%s\n%s", route->pattern, before, after);
	}
	print_message("# %zu bodies\n", tried);
	assert_true(tried >= 200);
	installation_must(&in, NULL, "GET", "/health/ready", NULL);
}

static void test_count_all__control_that_a_row_is_noticed(void **state)
{
	(void)state;
	const char *before = count_all();
	struct doc *body = doc_object(in.arena);

	doc_set_bytes(body, "document", bytes_of_text("{\"type\":\"countersign.example.v1\"}"));
	installation_must(&in, in.people[QA].token, "POST", "/v1/documents", body);
	assert_string_not_equal(before, count_all());
}

static int begin(void **state)
{
	(void)state;
	installation_open(&in);
	installation_given_trust(&in);
	installation_given_people(&in);
	installation_given_image(&in);
	installation_given_release(&in);
	return 0;
}

static int end(void **state)
{
	(void)state;
	installation_close(&in);
	return 0;
}

int main(void)
{
	const struct CMUnitTest table[] = {
		cmocka_unit_test(test_rows__say_who_may),
		cmocka_unit_test(test_rows__that_change_name_their_event),
		cmocka_unit_test(test_rows__stand_in_the_document_and_the_other_way_round),
		cmocka_unit_test(test_read_row__control_that_rows_are_found),
	};
	const struct CMUnitTest bodies[] = {
		cmocka_unit_test(test_bodies__that_mean_harm_are_refused_and_change_nothing),
		cmocka_unit_test(test_count_all__control_that_a_row_is_noticed),
	};
	int failed = cmocka_run_group_tests(table, NULL, NULL);

	return failed + cmocka_run_group_tests(bodies, begin, end);
}
