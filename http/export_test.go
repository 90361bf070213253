package api

// Codes lists the table of errors for tests outside of the package.
func Codes() (codes []string) {
	for _, row := range codeTable() {
		codes = append(codes, row.Code)
	}
	return codes
}

// Route is a row of the table of routes, as far as tests need it.
type Route struct{ Method, Template, Scope string }

// Routes lists the table of routes.
func (s *Server) Routes() (routes []Route) {
	for _, r := range s.table {
		routes = append(routes, Route{r.method, r.template(), string(r.scope)})
	}
	return routes
}
