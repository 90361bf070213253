package reactions

import "github.com/prometheus/client_golang/prometheus"

// measures tells how the reactions do: what they did, and what they could not.
type measures struct {
	steps    *prometheus.CounterVec
	resolved *prometheus.CounterVec
	expired  prometheus.Counter
	troubles prometheus.Counter
}

func newMeasures(registerer prometheus.Registerer) measures {
	m := measures{
		steps:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "paymint_inquiry_steps_total", Help: "Steps taken on acts in doubt, by operation and step."}, []string{"operation", "step"}),
		resolved: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "paymint_inquiry_resolved_total", Help: "Acts in doubt whose outcome was found out or reversed."}, []string{"operation"}),
		expired:  prometheus.NewCounter(prometheus.CounterOpts{Name: "paymint_authorizations_expired_total", Help: "Authorizations that ran out uncaptured."}),
		troubles: prometheus.NewCounter(prometheus.CounterOpts{Name: "paymint_reaction_troubles_total", Help: "Looks that trouble of ours cut short; each is tried again."}),
	}
	if registerer != nil {
		registerer.MustRegister(m.steps, m.resolved, m.expired, m.troubles)
	}
	return m
}
