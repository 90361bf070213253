package api

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// meter counts requests by route template, never by path: a path holds ids, and
// every new label value is memory for ever.
type meter struct {
	requests  *prometheus.CounterVec
	latency   *prometheus.HistogramVec
	inFlight  prometheus.Gauge
	panics    prometheus.Counter
	keyChecks *prometheus.CounterVec
}

func newMeter(registerer prometheus.Registerer) (*meter, error) {
	m := &meter{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paymint_http_requests_total", Help: "Answers, by route template and status.",
		}, []string{"method", "route", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "paymint_http_request_duration_seconds", Help: "From the end of the header to the last byte handed over, by route template.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "paymint_http_requests_in_flight", Help: "Requests being answered.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "paymint_http_panics_total", Help: "Requests that ended in a panic: bugs.",
		}),
		keyChecks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paymint_http_key_checks_total", Help: "API keys looked up, by result; remembered ones are not counted.",
		}, []string{"result"}),
	}
	if registerer == nil {
		return m, nil
	}
	for _, collector := range []prometheus.Collector{m.requests, m.latency, m.inFlight, m.panics, m.keyChecks} {
		if err := registerer.Register(collector); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// served is a route with its metrics at hand, so that the hot path looks nothing up.
type served struct {
	route
	label    string // path template
	counters [600]prometheus.Counter
	latency  prometheus.Observer
}

// serving prepares counters for every status that can be answered.
func (m *meter) serving(r route, statuses []int) *served {
	if r.bodyMax == 0 {
		r.bodyMax = bodyMax
	}
	s := &served{route: r, label: r.template()}
	for _, status := range statuses {
		s.counters[status] = m.requests.WithLabelValues(r.method, s.label, strconv.Itoa(status))
	}
	s.latency = m.latency.WithLabelValues(r.method, s.label)
	return s
}

// statuses lists what the server can answer with: the successes and the table of errors.
func statuses() []int {
	all := []int{http.StatusOK, http.StatusCreated, http.StatusNoContent, http.StatusMultiStatus, http.StatusSeeOther, http.StatusNotModified}
	for _, row := range codeTable() {
		all = append(all, row.Status)
	}
	return all
}

func (m *meter) observe(x *exchange) {
	if x.status > 0 && x.status < len(x.route.counters) && x.route.counters[x.status] != nil {
		x.route.counters[x.status].Inc()
	}
	x.route.latency.Observe(x.server.now().Sub(x.started).Seconds())
}
