-- SPDX-License-Identifier: Apache-2.0
-- The end that a campaign's plan states, beside the plan, so that the service's clock need not read plans. The
-- service's own word: it only ever ends a campaign by it. Null: nobody noted it.
ALTER TABLE campaign ADD COLUMN not_after timestamptz;
