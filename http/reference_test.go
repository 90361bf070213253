package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"html/template"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

var update = flag.Bool("update", false, "write docs/reference.html anew")

// The API reference is openapi.yaml rendered through docs/reference.tmpl.
type (
	reference struct {
		Title, Version, Summary, Description string
		Groups                               []group
		Objects                              []resource
	}
	group struct {
		Name, Description string
		Calls             []call
	}
	call struct {
		ID, Method, Class, Path, Summary, Description, Scope, Curl, Example string
		Parameters, Body                                                    []item
		Answers                                                             []outcome
	}
	item struct {
		Name, Where, Kind, Description string
		Required                       bool
	}
	outcome  struct{ Status, Description string }
	resource struct {
		ID, Name, Description, Example string
		Fields                         []item
	}
)

func TestTheReferenceIsFresh(t *testing.T) {
	t.Parallel()
	document, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	page := template.Must(template.New("reference.tmpl").Funcs(template.FuncMap{"prose": prose}).ParseFiles("docs/reference.tmpl"))
	var b bytes.Buffer
	if err := page.Execute(&b, referenceOf(document)); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("docs/reference.html", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile("docs/reference.html")
	if err != nil || !bytes.Equal(committed, b.Bytes()) {
		t.Error("docs/reference.html is not what openapi.yaml says: run go generate ./http")
	}
}

func referenceOf(document *openapi3.T) reference {
	r := reference{Title: document.Info.Title, Version: document.Info.Version, Description: document.Info.Description}
	r.Summary = "Card payments with a history that proves itself."
	for _, tag := range document.Tags {
		g := group{Name: tag.Name, Description: tag.Description}
		for _, path := range inOrder(document) {
			item := document.Paths.Value(path)
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				if operation := item.GetOperation(method); operation != nil && slices.Contains(operation.Tags, tag.Name) {
					g.Calls = append(g.Calls, callOf(path, method, operation))
				}
			}
		}
		r.Groups = append(r.Groups, g)
	}
	for _, name := range []string{"Payment", "Refund", "Event"} {
		schema := document.Components.Schemas[name].Value
		r.Objects = append(r.Objects, resource{
			ID: "object-" + strings.ToLower(name), Name: "The " + strings.ToLower(name),
			Description: schema.Description, Fields: fieldsOf(schema), Example: pretty(schema.Example),
		})
	}
	return r
}

// inOrder sorts paths so that a resource stands before what hangs under it.
func inOrder(document *openapi3.T) []string {
	paths := slices.Collect(func(yield func(string) bool) {
		for path := range document.Paths.Map() {
			if !yield(path) {
				return
			}
		}
	})
	slices.Sort(paths)
	return paths
}

func callOf(path, method string, operation *openapi3.Operation) call {
	c := call{
		ID: operation.OperationID, Method: method, Class: strings.ToLower(method), Path: path,
		Summary: operation.Summary, Description: operation.Description,
	}
	if scope, _ := operation.Extensions["x-scope"].(string); scope != "public" {
		c.Scope = scope
	}
	for _, parameter := range operation.Parameters {
		p := parameter.Value
		c.Parameters = append(c.Parameters, item{
			Name: p.Name, Where: p.In, Kind: kindOf(p.Schema.Value), Description: p.Description, Required: p.Required,
		})
	}
	var example any
	if operation.RequestBody != nil {
		media := operation.RequestBody.Value.Content["application/json"]
		c.Body, example = fieldsOf(media.Schema.Value), media.Example
		if example == nil {
			example = media.Schema.Value.Example
		}
	}
	c.Curl = curl(c, example)
	for _, status := range slices.Sorted(func(yield func(string) bool) {
		for status := range operation.Responses.Map() {
			if !yield(status) {
				return
			}
		}
	}) {
		answer := operation.Responses.Value(status).Value
		c.Answers = append(c.Answers, outcome{Status: status, Description: *answer.Description})
		if media := answer.Content["application/json"]; media != nil && strings.HasPrefix(status, "2") {
			c.Example = pretty(media.Example)
		}
	}
	return c
}

// curl is the call as a developer would type it.
func curl(c call, example any) string {
	path := strings.NewReplacer("{id}", "pay_01jrjb2dq5e1xvg2xn6h8k3c7v", "{refund_id}", "ref_01jrjb2dq5e1xvg2xn6h8k3c7v").Replace(c.Path)
	b := "curl https://api.example.com" + path
	if c.Scope == "" {
		return b
	}
	if c.Method == http.MethodPost && example == nil {
		b = "curl -X POST https://api.example.com" + path
	}
	b += " \\\n  -H \"Authorization: Bearer $PAYMINT_KEY\""
	if slices.ContainsFunc(c.Parameters, func(p item) bool { return p.Name == headerKey }) {
		b += " \\\n  -H \"Idempotency-Key: $(uuidgen)\""
	}
	if example != nil {
		b += " \\\n  -H \"Content-Type: application/json\" \\\n  -d '" + compact(example) + "'"
	}
	return b
}

func compact(example any) string {
	b, err := json.Marshal(example)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func pretty(example any) string {
	if example == nil {
		return ""
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(example); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}

func fieldsOf(schema *openapi3.Schema) (fields []item) {
	for _, part := range schema.AllOf {
		fields = append(fields, fieldsOf(part.Value)...)
	}
	names := make([]string, 0, len(schema.Properties))
	for name := range schema.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		property := schema.Properties[name].Value
		fields = append(fields, item{
			Name: name, Kind: kindOf(property), Description: property.Description, Required: slices.Contains(schema.Required, name),
		})
	}
	slices.SortStableFunc(fields, func(a, b item) int { return rank(b) - rank(a) })
	return fields
}

// rank puts what is required, and then identity, first.
func rank(field item) int {
	switch {
	case field.Required:
		return 2
	case field.Name == "id" || field.Name == "object":
		return 1
	}
	return 0
}

// kindOf words a schema: "integer, 1 to 100", "one of a, b".
func kindOf(schema *openapi3.Schema) string {
	var kinds []string
	if schema.Type != nil {
		kinds = append(kinds, strings.Join(schema.Type.Slice(), " or "))
	}
	var options []string
	for _, option := range schema.Enum {
		if text, ok := option.(string); ok {
			options = append(options, text)
		}
	}
	if len(options) > 0 && len(options) < 10 {
		kinds = append(kinds, "one of "+strings.Join(options, ", "))
	}
	for _, option := range schema.AnyOf {
		kinds = append(kinds, kindOf(option.Value))
	}
	return strings.Join(kinds, ", ")
}
