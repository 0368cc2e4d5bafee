-- SPDX-License-Identifier: Apache-2.0
-- The answer itself, where only the keeper writes: beside the document anybody may put more.
ALTER TABLE signature ADD COLUMN cms bytea CHECK (length(cms) BETWEEN 64 AND 65536);
