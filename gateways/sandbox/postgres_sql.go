package sandbox

// entryColumns is the order in which scanEntry reads and everyColumn writes.
const entryColumns = `reference, payment, authorization_reference, capture_reference,
	amount, approved, captured, released, refunded, requested_at, expires_at,
	final, reversed, operation, outcome, currency, card, decline`

// The writer's prepared statements, by name.
const (
	entriesName = "sandbox_book_entries"
	plainName   = "sandbox_book_plain"
)

// insertPlain enters authorizations without a capture of their own: what is the
// same in all of them is written here and not sent.
const insertPlain = `
INSERT INTO sandbox_book (` + entryColumns + `)
SELECT reference, payment, NULL, NULL, amount, approved, 0, 0, 0, requested_at, expires_at,
	false, false, 'authorize', outcome, currency, card, decline
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[])
	AS e (reference, payment, amount, approved, requested_at, expires_at, outcome, currency, card, decline)
ON CONFLICT (reference) DO NOTHING`

const insertEntries = `
INSERT INTO sandbox_book (` + entryColumns + `)
SELECT * FROM unnest(
	$1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[],
	$5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::timestamptz[], $11::timestamptz[],
	$12::boolean[], $13::boolean[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[])
ON CONFLICT (reference) DO NOTHING`

const lockHolds = `
SELECT ` + entryColumns + ` FROM sandbox_book
WHERE reference IN (
	SELECT unnest($1::uuid[])
	UNION ALL
	SELECT authorization_reference FROM sandbox_book WHERE reference = ANY ($2::uuid[]))
ORDER BY reference
FOR UPDATE`

// selectEntries reads the entries $1 and the one-message captures of the holds $2.
const selectEntries = `
SELECT ` + entryColumns + ` FROM sandbox_book
WHERE reference IN (
	SELECT unnest($1::uuid[])
	UNION ALL
	SELECT capture_reference FROM sandbox_book WHERE reference = ANY ($2::uuid[]))`

const updateEntries = `
UPDATE sandbox_book AS b
SET outcome = u.outcome, decline = u.decline, approved = u.approved, captured = u.captured,
	released = u.released, refunded = u.refunded, reversed = u.reversed
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::boolean[])
	AS u (reference, outcome, decline, approved, captured, released, refunded, reversed)
WHERE b.reference = u.reference`

const selectEntry = `SELECT ` + entryColumns + ` FROM sandbox_book WHERE reference = $1`

const selectPage = `SELECT ` + entryColumns + ` FROM sandbox_book WHERE reference > $1 ORDER BY reference LIMIT $2`

// totals sorts on disk where it must; the rows come one by one.
const totalColumns = `payment, currency, sum(approved - captured - released)::bigint, sum(captured)::bigint, sum(refunded)::bigint,
	max(expires_at) FILTER (WHERE approved > captured + released), count(*) FILTER (WHERE approved > captured + released)`

const selectTotals = `
SELECT ` + totalColumns + ` FROM sandbox_book WHERE operation = 'authorize'
GROUP BY payment, currency ORDER BY payment, currency`

const selectTotalsOf = `
SELECT ` + totalColumns + ` FROM sandbox_book WHERE operation = 'authorize' AND payment = ANY ($1::uuid[])
GROUP BY payment, currency ORDER BY payment, currency`
