package invariants

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// sum is a statement that finds rows no stream explains, and sums that are not those
// of the rows. It gives one row per violation: where and what. Each is one statement,
// so it sees one snapshot: beside traffic, rows and sums still belong together.
type sum struct {
	count string // how many things the statement looks at
	find  string
}

var paymentSums = []sum{
	{
		count: `SELECT count(*) FROM payments_totals`,
		find: `
SELECT coalesce(t.merchant_id::text, 'group ' || p.group_id),
       format('the total of status %s in %s (livemode %s) is %s, the rows make %s',
              t.status, t.currency, t.livemode, coalesce(t.total, 0), coalesce(p.total, 0))
  FROM payments_totals t
  FULL JOIN (SELECT group_id, count(*) AS total FROM payments GROUP BY 1) p ON p.group_id = t.group_id
 WHERE coalesce(t.total, 0) <> coalesce(p.total, 0) LIMIT $1`,
	},
	{
		count: `SELECT count(*) FROM payments`,
		find: `
SELECT p.payment_id::text, 'a row without a stream'
  FROM payments p LEFT JOIN stream_heads h ON h.stream_id = p.payment_id
 WHERE h.stream_id IS NULL LIMIT $1`,
	},
	{
		count: `SELECT count(*) FROM payments_labels`,
		find: `
SELECT l.payment_id::text, 'a metadata entry without its payment'
  FROM payments_labels l LEFT JOIN payments p ON p.merchant_id = l.merchant_id AND p.livemode = l.livemode AND p.payment_id = l.payment_id
 WHERE p.payment_id IS NULL LIMIT $1`,
	},
}

var refundSums = []sum{
	{
		count: `SELECT count(*) FROM refunds_totals`,
		find: `
SELECT coalesce(t.merchant_id, r.merchant_id)::text,
       format('the total of status %s (livemode %s) is %s, the rows make %s',
              coalesce(t.status, r.status), coalesce(t.livemode, r.livemode), coalesce(t.total, 0), coalesce(r.total, 0))
  FROM refunds_totals t
  FULL JOIN (SELECT merchant_id, livemode, status, count(*) AS total FROM refunds GROUP BY 1, 2, 3) r
    ON r.merchant_id = t.merchant_id AND r.livemode = t.livemode AND r.status = t.status
 WHERE coalesce(t.total, 0) <> coalesce(r.total, 0) LIMIT $1`,
	},
	{
		count: `SELECT count(*) FROM refunds`,
		find: `
SELECT r.refund_id::text, 'a row without its payment''s stream'
  FROM refunds r LEFT JOIN stream_heads h ON h.stream_id = r.payment_id
 WHERE h.stream_id IS NULL LIMIT $1`,
	},
}

var keySums = []sum{{
	count: `SELECT count(*) FROM api_keys`,
	find: `
SELECT k.key_id::text, 'a row without a stream'
  FROM api_keys k LEFT JOIN stream_heads h ON h.stream_id = k.key_id
 WHERE h.stream_id IS NULL LIMIT $1`,
}}

var merchantSums = []sum{{
	count: `SELECT count(*) FROM merchants`,
	find: `
SELECT m.merchant_id::text, 'a row without a stream'
  FROM merchants m LEFT JOIN stream_heads h ON h.stream_id = m.merchant_id
 WHERE h.stream_id IS NULL LIMIT $1`,
}}

// Sums implements View. PostgreSQL aggregates and joins on disk where it must. The
// joins are the one place where whole tables are read at once, so the settings that
// keep all other statements on their index are off here.
func (v *tableView[R]) Sums(ctx context.Context) (checked int64, violations []Violation, err error) {
	for _, s := range v.sums {
		var b pgx.Batch
		for _, setting := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan"} {
			b.Queue("SELECT set_config('" + setting + "', 'on', true)") // a batch is one transaction
		}
		var counted int64
		b.Queue(s.count).QueryRow(func(row pgx.Row) error { return row.Scan(&counted) })
		b.Queue(s.find, ViolationsMax).Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Violation])
			violations = append(violations, found...)
			return err
		})
		if err := v.db.SendBatch(ctx, &b).Close(); err != nil {
			return checked, violations, err
		}
		checked += counted
	}
	return checked, violations, nil
}
