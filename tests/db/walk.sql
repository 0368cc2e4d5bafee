-- SPDX-License-Identifier: Apache-2.0
-- For tests/db/test_hostile_tables.c: from the catalogue, the statements that would copy a row of any
-- table, as it is or with what is unique about it made new.

CREATE SCHEMA walk;

-- How a column of a copied row is filled so that the row is another one.
CREATE FUNCTION walk.fresh(t regclass, c name, number smallint, base text, domain text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	referenced regclass;
	column_of name;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_index WHERE indrelid = t AND indisunique AND number = ANY (indkey)) THEN
		RETURN format('x.%I', c);
	END IF;
	SELECT k.confrelid, a.attname INTO referenced, column_of
	FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = k.confkey[1]
	WHERE k.conrelid = t AND k.contype = 'f' AND k.conkey = ARRAY[number] LIMIT 1;
	IF referenced IS NOT NULL THEN
		RETURN format('coalesce((SELECT f.%I FROM %s f WHERE NOT EXISTS (SELECT FROM %s o WHERE o.%I = f.%I) LIMIT 1), x.%I)',
			column_of, referenced, t, c, column_of, c);
	END IF;
	RETURN CASE
		WHEN c IN ('kind', 'slot', 'role', 'one') THEN format('x.%I', c)
		WHEN base = 'uuid' THEN 'gen_random_uuid()'
		WHEN base IN ('int4', 'int8') THEN format('x.%I + 1000', c)
		WHEN base = 'bytea' THEN 'sha256(random()::text::bytea)'
		WHEN domain = 'sha256_hex' THEN 'encode(sha256(random()::text::bytea), ''hex'')'
		WHEN base = 'text' THEN '''n'' || left(md5(random()::text), 12)'
		ELSE format('x.%I', c) END;
END $$;

CREATE FUNCTION walk.insert_of(t regclass, make_fresh boolean) RETURNS text LANGUAGE sql AS $$
	SELECT format('INSERT INTO %s (%s) SELECT %s FROM %s x LIMIT 1', t,
		string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
		string_agg(CASE WHEN make_fresh THEN walk.fresh(t, a.attname, a.attnum,
			coalesce(b.typname, y.typname), CASE WHEN y.typtype = 'd' THEN y.typname END)
			ELSE format('x.%I', a.attname) END, ', ' ORDER BY a.attnum), t)
	FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
	LEFT JOIN pg_type b ON b.oid = nullif(y.typbasetype, 0)
	WHERE a.attrelid = t AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = ''
		-- What the database fills itself is left to it.
		AND a.attname <> 'stored_at'
$$;

-- One statement for each column, joined by semicolons: the first that is refused says how.
CREATE FUNCTION walk.updates_of(t regclass) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('UPDATE %s SET %I = %I', t, attname, attname)
	FROM pg_attribute WHERE attrelid = t AND attnum > 0 AND NOT attisdropped AND attidentity = ''
	ORDER BY attnum
$$;

CREATE FUNCTION walk.relations() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT table_name::text FROM information_schema.tables
	WHERE table_schema = 'public' AND table_name <> 'schema_version' ORDER BY table_name COLLATE "C"
$$;
