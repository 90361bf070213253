package api

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:generate go test -run TestTheReferenceIsFresh -update .

// The contract and the pages. reference.html is rendered from openapi.yaml by a
// test (go generate), so that the binary needs no YAML parser; it is served as it
// stands, without scripts and without anything foreign.
//
//go:embed openapi.yaml docs/reference.html docs/errors.tmpl docs/style.css
var files embed.FS

// pages are the documents that never change while the process runs.
type pages struct{ openAPI, reference, errors, style []byte }

// pagePolicy lets a page load its style sheet and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func newPages(baseURL string) (p pages, err error) {
	for name, into := range map[string]*[]byte{"openapi.yaml": &p.openAPI, "docs/reference.html": &p.reference, "docs/style.css": &p.style} {
		if *into, err = files.ReadFile(name); err != nil {
			return p, fmt.Errorf("read the embedded %s: %w", name, err)
		}
	}
	p.errors, err = errorsPage(baseURL)
	return p, err
}

// errorGroup is one type of errors with its codes.
type errorGroup struct {
	Type  string
	Codes []codeDoc
}

// errorsPage renders the table of errors.
func errorsPage(baseURL string) ([]byte, error) {
	var groups []errorGroup
	for _, typ := range []string{typeRequest, typeCard, typeIdempotency, typeAuthentication, typeAuthorization, typeRateLimit, typeAPI} {
		group := errorGroup{Type: typ}
		for _, row := range codeTable() {
			if row.Type == typ {
				group.Codes = append(group.Codes, row)
			}
		}
		groups = append(groups, group)
	}
	page, err := template.New("errors.tmpl").Funcs(template.FuncMap{"prose": prose}).ParseFS(files, "docs/errors.tmpl")
	if err != nil {
		return nil, fmt.Errorf("parse the page of errors: %w", err)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, map[string]any{"Version": version, "BaseURL": baseURL, "Groups": groups}); err != nil {
		return nil, fmt.Errorf("render the page of errors: %w", err)
	}
	return b.Bytes(), nil
}

// prose writes the little markup that descriptions use: paragraphs and `code`.
func prose(text string) template.HTML {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		b.WriteString("<p>")
		for i, part := range strings.Split(paragraph, "`") {
			escaped := template.HTMLEscapeString(part)
			if i%2 == 1 {
				escaped = "<code>" + escaped + "</code>"
			}
			b.WriteString(escaped)
		}
		b.WriteString("</p>")
	}
	if b.String() == "<p></p>" {
		return ""
	}
	return template.HTML(b.String()) //nolint:gosec // every part was escaped above
}

// openAPI serves GET /openapi.yaml.
func (s *Server) openAPI(x *exchange) error {
	return x.answer(http.StatusOK, "application/yaml; charset=utf-8", s.pages.openAPI)
}

// docsReference serves GET /docs.
func (s *Server) docsReference(x *exchange) error { return x.page(s.pages.reference) }

// docsErrors serves GET /docs/errors, where doc_url points.
func (s *Server) docsErrors(x *exchange) error { return x.page(s.pages.errors) }

// docsStyle serves GET /docs/style.css.
func (s *Server) docsStyle(x *exchange) error {
	return x.answer(http.StatusOK, "text/css; charset=utf-8", s.pages.style)
}

func (x *exchange) page(html []byte) error {
	x.set("Content-Security-Policy", pagePolicy)
	return x.answer(http.StatusOK, contentHTML, html)
}
