-- SPDX-License-Identifier: Apache-2.0
-- What the programs ask the database about itself: at start, and for readiness.

-- name: db_ping :one
-- One row with the number 1: the connection, the login and the server work.
SELECT 1::int8 AS one;

-- name: db_now :one
-- The server's wall clock, for comparison with ours.
SELECT clock_timestamp()::timestamptz AS now;

-- name: db_role :one
-- The role we are logged in as, the database, and whether this server takes writes.
SELECT session_user::text AS role, current_database()::text AS database,
       NOT pg_is_in_recovery() AS writable;
