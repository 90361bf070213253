package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// query reads a query string parameter by parameter, as fields reads a body: each
// parameter once, none unknown, all faults at once.
type query struct {
	pairs  []pair
	faults []fault
}

type pair struct {
	name, value string
	asked       bool
}

// parseQuery splits raw. Like a body, it must be readable in one way only: valid
// escapes, valid UTF-8, no control characters, no semicolons as separators.
func parseQuery(raw string) *query {
	q := new(query)
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		switch {
		case err1 != nil || err2 != nil || strings.Contains(part, ";") || !plainText(name) || !plainText(value):
			q.wrong(invalid("query", "has an invalid escape or character"))
		case slices.ContainsFunc(q.pairs, func(p pair) bool { return p.name == name }):
			q.wrong(fault{codeParameterDuplicate, shorten(name), "Send each query parameter once."})
		default:
			q.pairs = append(q.pairs, pair{name: name, value: value})
		}
	}
	return q
}

func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || 0x7F <= r && r <= 0x9F })
}

func (q *query) wrong(one fault) { q.faults = append(q.faults, one) }

// check adds the parameters nobody asked for and makes one answer of all faults.
func (q *query) check() error {
	for _, p := range q.pairs {
		if !p.asked {
			q.wrong(fault{codeParameterUnknown, shorten(p.name), "This endpoint knows no such query parameter."})
		}
	}
	return failAll(q.faults)
}

func (q *query) text(name string) string {
	for i := range q.pairs {
		if q.pairs[i].name == name {
			q.pairs[i].asked = true
			if q.pairs[i].value == "" {
				q.wrong(invalid(name, "is empty: leave it out or give it a value"))
			}
			return q.pairs[i].value
		}
	}
	return ""
}

func (q *query) integer(name string, least, most, otherwise int) int {
	text := q.text(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(n) != text || n < least || n > most {
		q.wrong(invalid(name, "must be an integer from "+strconv.Itoa(least)+" to "+strconv.Itoa(most)))
		return otherwise
	}
	return n
}

func (q *query) choice(name string, options ...string) string {
	text := q.text(name)
	if text != "" && !slices.Contains(options, text) {
		q.wrong(invalid(name, oneOf(options)))
		return ""
	}
	return text
}

// time wants ISO 8601 in UTC; the zero time is absent.
func (q *query) time(name string) time.Time {
	text := q.text(name)
	if text == "" {
		return time.Time{}
	}
	t, ok := parseTime(text)
	if !ok {
		q.wrong(invalid(name, timeRule))
	}
	return t
}

// through is time for an upper bound: the API writes times to the millisecond,
// so a bound that was copied from an answer takes in the whole of its millisecond.
func (q *query) through(name string) time.Time {
	t := q.time(name)
	if t.IsZero() {
		return t
	}
	return t.Add(time.Millisecond - time.Microsecond)
}

const timeRule = "must be a time such as 2026-04-11T14:30:00Z, in UTC, with milliseconds at most"

// parseTime reads what the API writes.
func parseTime(text string) (time.Time, bool) {
	if len(text) > len("2006-01-02T15:04:05.000Z") || !strings.HasSuffix(text, "Z") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || strings.Contains(text, ",") || t.Year() < 1970 {
		return time.Time{}, false
	}
	return t, true
}

// metadata collects metadata[key]=value.
func (q *query) metadata() map[string]string {
	var found map[string]string
	for i := range q.pairs {
		key, ok := strings.CutPrefix(q.pairs[i].name, "metadata[")
		if !ok || !strings.HasSuffix(key, "]") {
			continue
		}
		q.pairs[i].asked = true
		if key = strings.TrimSuffix(key, "]"); !metadataKey(key) {
			q.wrong(invalid("metadata", "must name a key of 1 to 40 letters, digits and underscores"))
			continue
		}
		if found == nil {
			found = make(map[string]string)
		}
		found[key] = q.pairs[i].value
	}
	return found
}

// sorted lists the parameters by name, so that their order in the address does not matter.
func (q *query) sorted() []pair {
	pairs := slices.Clone(q.pairs)
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	return pairs
}
