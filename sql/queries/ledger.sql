-- SPDX-License-Identifier: Apache-2.0
-- What everybody may know of the ledger.

-- name: ledger_checkpoint :opt
-- The newest signed checkpoint.
SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1;
