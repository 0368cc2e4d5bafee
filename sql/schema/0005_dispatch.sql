-- SPDX-License-Identifier: Apache-2.0
-- Which kinds of report a device has sent in its present attempt (bits, service/model/report.c): the
-- first of a kind is an event, later ones are counted in progress.
ALTER TABLE deployment ADD COLUMN kinds integer NOT NULL DEFAULT 0 CHECK (kinds >= 0);
