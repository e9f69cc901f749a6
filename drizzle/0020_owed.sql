-- Refunds are what their owner owes: a balance above zero is money that was paid for a debt that others had paid at the same
-- moment. It goes to its owner's wallet, and cannot come about again.
LOCK TABLE ledger_accounts IN ACCESS EXCLUSIVE MODE;
--> statement-breakpoint
INSERT INTO ledger_accounts (kind, owner_id, currency)
SELECT 'wallet', owner_id, currency FROM ledger_accounts WHERE kind = 'refunds' AND balance > 0
ON CONFLICT (code) DO NOTHING;
--> statement-breakpoint
INSERT INTO ledger_transactions (key, kind)
SELECT 'overpaid:' || code, 'credit' FROM ledger_accounts WHERE kind = 'refunds' AND balance > 0 ORDER BY code;
--> statement-breakpoint
INSERT INTO ledger_entries (transaction_id, account_id, amount)
SELECT t.id, side.account_id, side.amount
FROM ledger_accounts overpaid
JOIN ledger_transactions t ON t.key = 'overpaid:' || overpaid.code
JOIN ledger_accounts wallet
  ON wallet.kind = 'wallet' AND wallet.owner_id = overpaid.owner_id AND wallet.currency = overpaid.currency
CROSS JOIN LATERAL (VALUES (overpaid.id, -overpaid.balance), (wallet.id, overpaid.balance)) AS side (account_id, amount)
WHERE overpaid.kind = 'refunds' AND overpaid.balance > 0;
--> statement-breakpoint
ALTER TABLE "ledger_accounts" ADD CONSTRAINT "ledger_accounts_owed" CHECK ("ledger_accounts"."kind" <> 'refunds' or "ledger_accounts"."balance" <= 0);
