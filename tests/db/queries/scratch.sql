-- SPDX-License-Identifier: Apache-2.0
-- Statements of the tests of common/db.c, over the tables of tests/db/scratch.sql. The Makefile adds
-- them to test builds only.

-- name: scratch_put :none :touch
-- Puts a row that needs no event.
INSERT INTO scratch (id, n) VALUES ($1::text, $2::int8);

-- name: scratch_record :none :write
-- Puts a row that needs an event.
INSERT INTO scratch (id, n) VALUES ($1::text, $2::int8);

-- name: scratch_adopt :none :touch
-- Puts a row below a parent.
INSERT INTO scratch (id, n, parent) VALUES ($1::text, 0, $2::text);

-- name: scratch_add :none :touch
-- Adds to the number of every row whose id is in the list.
UPDATE scratch SET n = n + $2::int8 WHERE id = ANY ($1::text[]);

-- name: scratch_find :opt
-- The row of this id, if there is one.
SELECT id, n FROM scratch WHERE id = $1::text;

-- name: scratch_find_all :opt
-- Breaks its promise when there are two.
SELECT id FROM scratch;

-- name: scratch_sum :one
-- The sum of all numbers, and how many rows.
SELECT coalesce(sum(n), 0)::int8 AS sum, count(*) AS rows FROM scratch;

-- name: scratch_series :many
-- The numbers 1 to $1, and their square roots as text.
SELECT n, sqrt(n)::text AS root FROM generate_series(1, $1::int8) AS n;

-- name: scratch_rows :one
-- As many rows as told, although it promises one.
SELECT n FROM generate_series(1, $1::int8) AS n;

-- name: scratch_echo :one
-- What it was given, as the server understood it.
SELECT $1::text AS t, $2::int8 AS i, $3::bool AS b, $4::bytea AS y, $5::timestamptz AS at,
       $2::int8::int4::text AS i_text, encode($4::bytea, 'hex') AS y_text,
       extract(epoch FROM $5::timestamptz)::numeric::text AS at_text;

-- name: scratch_texts :many
-- The items of an array of text.
SELECT item, n FROM unnest($1::text[]) WITH ORDINALITY AS u (item, n) ORDER BY n;

-- name: scratch_ints :many
-- The items of an array of numbers.
SELECT item, n FROM unnest($1::int8[]) WITH ORDINALITY AS u (item, n) ORDER BY n;

-- name: scratch_blobs :many
-- The items of an array of bytes.
SELECT item, n FROM unnest($1::bytea[]) WITH ORDINALITY AS u (item, n) ORDER BY n;

-- name: scratch_time :one
-- A time written in any way the server reads.
SELECT $1::text::timestamptz AS at;

-- name: scratch_small :one
-- The narrow integer types.
SELECT (-7)::int2 AS two, (-70000)::int4 AS four;

-- name: scratch_fault :none :touch
-- Fails with this SQLSTATE and message, or dies, or warns; late: at COMMIT.
INSERT INTO scratch_fault (state, message, late) VALUES ($1::text, $2::text, $3::bool);

-- name: scratch_setting :one
-- A setting of this session.
SELECT current_setting($1::text) AS value, pg_backend_pid() AS pid;

-- name: scratch_digit :one
-- A text that must be a number.
SELECT $1::text::int8 AS n;

-- name: log_queue_list :many
-- The queue with its events, in the order in which the keeper takes it.
SELECT e.id, e.kind, e.writer, e.bytes, e.mac FROM event_queue q JOIN event e ON e.id = q.event
ORDER BY q.id;
