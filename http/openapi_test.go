package api_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

type contract struct {
	document *openapi3.T
	router   routers.Router
}

var theContract = sync.OnceValues(func() (*contract, error) {
	loader := openapi3.NewLoader()
	document, err := loader.LoadFromFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(document)
	if err != nil {
		return nil, err
	}
	return &contract{document, router}, nil
})

// conforms holds an exchange against openapi.yaml: every answer must be described
// there, and every request that was accepted too.
func conforms(t testing.TB, request *http.Request, body string, a answer) {
	t.Helper()
	c, err := theContract()
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	if request.Method == http.MethodHead || request.Method == http.MethodOptions {
		return
	}
	probe := request.Clone(context.Background())
	probe.Body = io.NopCloser(strings.NewReader(body))
	route, params, err := c.router.FindRoute(probe)
	if err != nil {
		if a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s %s answered %d, and openapi.yaml does not know it", request.Method, request.URL.Path, a.StatusCode)
		}
		return
	}
	input := &openapi3filter.RequestValidationInput{
		Request: probe, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true},
	}
	if a.StatusCode < 300 {
		if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
			t.Errorf("%s %s was accepted against openapi.yaml: %v", request.Method, request.URL.Path, err)
		}
	}
	input.Options.ExcludeResponseBody = a.body == nil // pages are looked at elsewhere
	output := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: a.StatusCode, Header: a.Header,
		Body: io.NopCloser(bytes.NewReader(a.raw)), Options: input.Options,
	}
	if err := openapi3filter.ValidateResponse(context.Background(), output); err != nil {
		t.Errorf("%s %s: answer %d is not what openapi.yaml says: %v\n%s", request.Method, request.URL.Path, a.StatusCode, err, a.raw)
	}
}

func TestTheContractIsValidOpenAPI(t *testing.T) {
	t.Parallel()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.document.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestTheContractIsServedToTheByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a := w.get("/openapi.yaml", anonymous)
	if a.StatusCode != http.StatusOK || !bytes.Equal(a.raw, want) || a.Header.Get("Cache-Control") != "public, max-age=86400" {
		t.Errorf("got %d, %d bytes, Cache-Control %q", a.StatusCode, len(a.raw), a.Header.Get("Cache-Control"))
	}
}

func TestRoutesAndContractNameEachOther(t *testing.T) {
	t.Parallel()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range newWorld(t).server.Routes() {
		known[r.Method+" "+r.Template] = true
		item := c.document.Paths.Value(r.Template)
		if item == nil || item.GetOperation(r.Method) == nil {
			t.Errorf("openapi.yaml does not know %s %s", r.Method, r.Template)
			continue
		}
		if scope := item.GetOperation(r.Method).Extensions["x-scope"]; scope != r.Scope {
			t.Errorf("%s %s: openapi.yaml says scope %v, the route needs %s", r.Method, r.Template, scope, r.Scope)
		}
	}
	for path, item := range c.document.Paths.Map() {
		for method := range item.Operations() {
			if !known[method+" "+path] {
				t.Errorf("openapi.yaml promises %s %s, and no route serves it", method, path)
			}
		}
	}
}
